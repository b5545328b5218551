//! Scenarios, what may happen in them, and what comes of it.

use list_maintenance::ranking::{Settings, Step, begin};
use list_maintenance::watch::{Verdict, verdict};
use list_maintenance::{Mark, Request, Sizes};
use stateright::{Model, Property};

use super::check;
use super::state::{Article, Content, Event, Id, Progress, Queue, Running, Topic, World, Write};

/// A part of the protocol that is left out, to see that the check notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No claim leaves a mark.
    NoDirtyMark,
    /// A claim does not say whom the list may hold.
    NotHeldBefore,
    /// An owner who remembers takes everybody for held.
    HeldAssumed,
    /// The list is stored as clean before it is published.
    StoredBeforePublished,
    /// Whether the other article still is what was compared.
    RevisionsIgnored,
    /// A list is taken for complete however much was removed.
    HorizonIgnored,
    /// What was written is not read again.
    NotConfirmed,
    /// Requests are committed when their ranking begins.
    CommittedEarly,
    /// Nobody reads the published topic.
    NotWatched,
    /// An older event overwrites what a newer one has set.
    VersionsIgnored,
}

/// One scenario.
#[derive(Debug, Clone)]
pub(crate) struct Lists {
    pub(crate) settings: Settings,
    /// Contents this far apart are neighbours.
    pub(crate) reach: u8,
    /// Contents at the start, all lists right. Those from `listed` on have no lists.
    pub(crate) contents: Vec<Content>,
    pub(crate) listed: usize,
    pub(crate) events: Vec<Event>,
    /// Paused or ended owners, replayed or repeated events, repeated requests.
    pub(crate) rebalances: u8,
    pub(crate) replays: u8,
    pub(crate) duplicates: u8,
    /// Writes to the store that arrive a second time, late.
    pub(crate) repeats: u8,
    /// The topic is watched only when nothing else is left: fewer interleavings.
    pub(crate) watched_last: bool,
    /// Owners begin with the state that the last of them knew when it was done.
    pub(crate) remembers: bool,
    pub(crate) fault: Option<Fault>,
}

impl Lists {
    pub(crate) fn new(contents: &[Content], events: &[Event]) -> Self {
        Self {
            settings: Settings { sizes: Sizes { k: 1, kept: 2 }, max_low_searches: 0 },
            reach: 9,
            contents: contents.to_vec(),
            listed: contents.len(),
            events: events.to_vec(),
            rebalances: 0,
            replays: 0,
            duplicates: 0,
            repeats: 0,
            watched_last: false,
            remembers: false,
            fault: None,
        }
    }

    pub(super) fn has_list(&self, article: Id) -> bool {
        usize::from(article) < self.listed
    }
}

/// What may happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// The next step of an event's work: write content, label it, announce it.
    Work(usize),
    /// A crash before the event was resolved, or the event comes again.
    Replay(usize),
    /// The owner begins a ranking for this many waiting requests.
    Take(Id, usize),
    Perform(Id),
    Commit(Id),
    /// The write that the owner is at is sent twice.
    Repeat(Id),
    Arrive(usize),
    /// The article goes to another worker; the ranking under way is not told.
    Rebalance(Id),
    PerformFormer(Id),
    /// The former owner ends.
    End(Id),
    /// A request of the log comes again, behind all others.
    Duplicate(Id, usize),
    Watch(Id),
    /// The sweeper meets an article whose mark was left behind.
    Sweep(Id),
}

impl Model for Lists {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![self.settled()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        for (at, progress) in world.events.iter().enumerate() {
            if *progress != Progress::Announced {
                actions.push(Action::Work(at));
            }
            if *progress != Progress::Waiting && world.replays > 0 {
                actions.push(Action::Replay(at));
            }
        }
        actions.extend((0..world.echoes.len()).map(Action::Arrive));
        for article in 0..self.listed as Id {
            self.rankings(world, article, actions);
            let (at, queue) = (article as usize, &world.queues[article as usize]);
            if world.duplicates > 0 {
                actions.extend((0..queue.records.len()).map(|record| Action::Duplicate(article, record)));
            }
            let may_watch = !self.watched_last || world.is_idle();
            if !world.topics[at].watched && may_watch && self.fault != Some(Fault::NotWatched) {
                actions.push(Action::Watch(article));
            }
            if world.articles[at].stored.mark != Mark::Clear && world.is_idle() {
                actions.push(Action::Sweep(article));
            }
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        match action {
            Action::Work(event) => self.work(&mut next, event),
            Action::Replay(event) => {
                next.replays -= 1;
                next.events[event] = Progress::Waiting;
            }
            Action::Take(article, records) => self.take(&mut next, article, records),
            Action::Perform(article) => {
                let running = next.owners[article as usize].take()?;
                next.owners[article as usize] = self.perform(&mut next, article, running, true);
            }
            Action::Commit(article) => {
                let running = next.owners[article as usize].take()?;
                self.commit(&mut next, article, running);
            }
            Action::Repeat(article) => {
                let write = write_of(next.owners[article as usize].as_ref()?)?;
                next.repeats -= 1;
                next.echoes.push((article, write));
            }
            Action::Arrive(echo) => {
                let (article, write) = next.echoes.remove(echo);
                self.write(&mut next, article, write);
            }
            Action::Rebalance(article) => {
                next.rebalances -= 1;
                next.former[article as usize] = next.owners[article as usize].take();
            }
            Action::PerformFormer(article) => {
                let running = next.former[article as usize].take()?;
                next.former[article as usize] = self.perform(&mut next, article, running, false);
            }
            Action::End(article) => next.former[article as usize] = None,
            Action::Duplicate(article, record) => {
                next.duplicates -= 1;
                let again = next.queues[article as usize].records[record].clone();
                next.queues[article as usize].records.push(again);
            }
            Action::Watch(article) => self.watch(&mut next, article)?,
            Action::Sweep(article) => next.send(article, Request::Sweep),
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        check::properties(self)
    }
}

impl Lists {
    fn rankings(&self, world: &World, article: Id, actions: &mut Vec<Action>) {
        let queue = &world.queues[article as usize];
        let waiting = queue.records.len() - queue.committed;
        match &world.owners[article as usize] {
            None => {
                if waiting > 0 {
                    actions.push(Action::Take(article, waiting));
                }
                if waiting > 1 {
                    actions.push(Action::Take(article, 1));
                }
            }
            Some(running) => {
                let done = matches!(running.step, Step::Done(_));
                actions.push(if done { Action::Commit(article) } else { Action::Perform(article) });
                if world.repeats > 0 && write_of(running).is_some() {
                    actions.push(Action::Repeat(article));
                }
                if world.rebalances > 0 && world.former[article as usize].is_none() {
                    actions.push(Action::Rebalance(article));
                }
            }
        }
        if let Some(running) = &world.former[article as usize] {
            actions.push(Action::End(article));
            if !matches!(running.step, Step::Done(_)) {
                actions.push(Action::PerformFormer(article));
            }
        }
    }

    fn work(&self, world: &mut World, event: usize) {
        let Event { article, version, content } = self.events[event];
        let stored = &mut world.articles[article as usize];
        world.events[event] = match world.events[event] {
            // An older version never changes anything; the same one is applied again.
            Progress::Waiting if version < stored.version && self.fault != Some(Fault::VersionsIgnored) => {
                Progress::Announced
            }
            Progress::Waiting => {
                (stored.version, stored.content) = (version, content);
                Progress::Written
            }
            Progress::Written => {
                stored.label = stored.label.max(version);
                Progress::Labelled
            }
            Progress::Labelled | Progress::Announced => {
                if self.has_list(article) {
                    world.send(article, Request::Changed);
                }
                Progress::Announced
            }
        };
    }

    fn take(&self, world: &mut World, article: Id, records: usize) {
        let queue = &mut world.queues[article as usize];
        let (from, to) = (queue.committed, queue.committed + records);
        let requests: Vec<_> = queue.records[from..to].iter().map(|record| record.message.clone()).collect();
        if self.fault == Some(Fault::CommittedEarly) {
            queue.committed = to;
        }
        let name = &mut world.names[article as usize];
        *name += 1;
        let mut remembered = world.remembered[article as usize].clone();
        if let (Some(Fault::HeldAssumed), Some(state)) = (self.fault, &mut remembered) {
            state.holds = (0..self.contents.len() as Id).collect();
        }
        let step = begin(article, u64::from(*name), &requests, self.settings, remembered.as_ref());
        world.owners[article as usize] =
            Some(Running { step, from, to, own: None, hits: None, sent: 0, held_back: None });
    }

    fn commit(&self, world: &mut World, article: Id, running: Running) {
        if let Some((sequence, list)) = running.held_back {
            world.publish(article, sequence, list);
        }
        world.queues[article as usize].committed = running.to;
        let known = world.articles[article as usize].stored.clone();
        world.remembered[article as usize] = self.remembers.then_some(known);
    }

    fn watch(&self, world: &mut World, article: Id) -> Option<()> {
        let topic = &mut world.topics[article as usize];
        match verdict(topic.last.0, &world.articles[article as usize].stored) {
            Verdict::Undecided => return None,
            Verdict::Newest => topic.watched = true,
            Verdict::Overtaken => {
                topic.watched = true;
                world.send(article, Request::Republish);
            }
        }
        Some(())
    }

    /// The start: everything ranked once, one article after the other, twice, so that
    /// every list is right.
    fn settled(&self) -> World {
        let count = self.contents.len();
        let mut world = World {
            articles: self
                .contents
                .iter()
                .map(|content| Article { content: *content, ..Article::default() })
                .collect(),
            events: vec![Progress::Waiting; self.events.len()],
            queues: vec![Queue::default(); count],
            topics: vec![Topic { watched: true, ..Topic::default() }; count],
            owners: vec![None; count],
            former: vec![None; count],
            names: vec![0; count],
            remembered: vec![None; count],
            rebalances: self.rebalances,
            replays: self.replays,
            duplicates: self.duplicates,
            repeats: self.repeats,
            echoes: Vec::new(),
        };
        for article in 0..self.listed as Id {
            if self.contents[article as usize].is_none() {
                continue;
            }
            world.send(article, Request::Sweep);
            self.take(&mut world, article, 1);
            while let Some(running) = world.owners[article as usize].take() {
                if matches!(running.step, Step::Done(_)) {
                    self.commit(&mut world, article, running);
                    break;
                }
                world.owners[article as usize] = self.perform(&mut world, article, running, true);
            }
            world.queues[article as usize] = Queue::default();
            world.topics[article as usize].watched = true;
        }
        world
    }
}

/// The write a ranking is at.
fn write_of(running: &Running) -> Option<Write> {
    match &running.step {
        Step::Claim(claiming) => Some(Write::Claim(claiming.claim().clone())),
        Step::Store(storing) => Some(Write::Store(storing.state().clone())),
        _ => None,
    }
}
