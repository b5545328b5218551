//! The thin shell of the model: carries out one step of a ranking on the world, or fails
//! to in the one way that a test asks for.

use list_maintenance::ranking::{Comparing, Searching, Step};
use list_maintenance::{Bar, Candidate, Compared, Entries, Found, List, Mark, Pair, Request, Revision, View};

use super::lists::{Fault, Lists};
use super::state::{Id, Running, World, Write, plain, score};

impl Lists {
    /// Carries out the pending step; `None`: the ranking gave up, because it was overtaken
    /// and is not the owner's.
    pub(crate) fn perform(
        &self,
        world: &mut World,
        article: Id,
        mut running: Running,
        owner: bool,
    ) -> Option<Running> {
        let was_read = matches!(running.step, Step::Read(_) | Step::Confirm(_));
        running.step = match running.step.clone() {
            Step::Read(reading) => {
                running.own = world.articles[article as usize].content;
                let view = self.view(world, article, reading.others(), &running);
                reading.answer(Some(view))
            }
            Step::Check(checking) => {
                let view = self.view(world, article, &checking.others(), &running);
                checking.answer(Some(view.revision), view.others)
            }
            Step::Claim(claiming) => {
                self.write(world, article, Write::Claim(claiming.claim().clone()));
                claiming.answer()
            }
            Step::Search(searching) => self.search(world, searching, &mut running),
            Step::Compare(comparing) => self.compare(world, comparing),
            Step::Publish(publishing) => {
                let publication = publishing.publication();
                let list = (publication.sequence, publication.list.as_ref().map(|list| plain(list)));
                if self.fault == Some(Fault::StoredBeforePublished) {
                    running.held_back = Some(list);
                } else {
                    world.publish(article, list.0, list.1);
                }
                publishing.answer()
            }
            Step::Store(storing) => {
                self.write(world, article, Write::Store(storing.state().clone()));
                storing.answer()
            }
            Step::Confirm(confirming) => {
                let in_force = world.articles[article as usize].stored.is_of(confirming.claim());
                confirming.answer(in_force || self.fault == Some(Fault::NotConfirmed))
            }
            Step::Holders(holding) => {
                let holders =
                    (0u8..).zip(&world.articles).filter(|(_, other)| other.stored.holds.contains(&article));
                holding.answer(holders.map(|(id, _)| id).collect())
            }
            Step::Send(sending) => {
                let (to, request) = sending.requests()[running.sent].clone();
                world.send(to, request);
                running.sent += 1;
                if running.sent == sending.requests().len() { sending.answer() } else { Step::Send(sending) }
            }
            Step::Done(outcome) => Step::Done(outcome),
        };
        // A read after a read: it was overtaken. A former owner has lost its lease by then.
        let overtaken = was_read && matches!(running.step, Step::Read(_));
        (owner || !overtaken).then_some(running)
    }

    fn view(&self, world: &World, article: Id, others: &[Id], running: &Running) -> View<Id, ()> {
        let mut view = world.view(article, others);
        if self.fault == Some(Fault::RevisionsIgnored) {
            for record in &world.queues[article as usize].records[running.from..running.to] {
                if let Request::Scored(scored) = &record.message {
                    view.others.insert(scored.other, scored.other_revision);
                }
            }
        }
        view
    }

    /// A write arrives at the store.
    pub(super) fn write(&self, world: &mut World, article: Id, write: Write) {
        let stored = &mut world.articles[article as usize].stored;
        match write {
            Write::Claim(mut claim) => {
                match self.fault {
                    Some(Fault::NoDirtyMark) => claim.mark = Mark::Clear,
                    Some(Fault::NotHeldBefore) => claim.holds.clone_from(&stored.holds),
                    _ => {}
                }
                stored.claim(&claim);
            }
            Write::Store(mut state) => {
                if self.fault == Some(Fault::HorizonIgnored) {
                    state.list = state.list.map(|list| List {
                        revision: list.revision,
                        entries: Entries::restored(
                            list.entries.as_slice().to_vec(),
                            None,
                            self.settings.sizes,
                        ),
                    });
                }
                stored.store(&state);
            }
        }
    }

    /// A search finds articles first and reads them later.
    fn search(&self, world: &World, searching: Searching<Id, ()>, running: &mut Running) -> Step<Id, ()> {
        let own = *searching.article();
        let reaches = |id: &Id| score(running.own, world.articles[*id as usize].content, self.reach);
        let everyone = (0u8..).take(world.articles.len()).filter(|id| *id != own);
        let Some(hits) = running.hits.take() else {
            running.hits = Some(everyone.filter(|id| reaches(id).is_some()).collect());
            return Step::Search(searching);
        };
        let candidate = |id: Id| {
            let read = &world.articles[id as usize];
            let bar = if self.has_list(id) { read.stored.bar() } else { Bar::NoList };
            let revision = Revision(u64::from(read.label));
            reaches(&id).map(|score| Candidate { id, revision, score, detail: (), bar })
        };
        searching
            .answer(Found { candidates: hits.into_iter().filter_map(candidate).collect(), truncated: None })
    }

    fn compare(&self, world: &World, comparing: Comparing<Id, ()>) -> Step<Id, ()> {
        let read = |id: &Id| &world.articles[*id as usize];
        let own = read(comparing.article());
        let pair = |id: &Id| Pair {
            id: *id,
            revision: Revision(u64::from(read(id).label)),
            compared: score(own.content, read(id).content, self.reach).map(|score| (score, ())),
        };
        let pairs = comparing.others().iter().map(pair).collect();
        comparing.answer(Compared { revision: Revision(u64::from(own.label)), pairs })
    }
}
