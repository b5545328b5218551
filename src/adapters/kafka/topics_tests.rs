//! What is created and what counts as different; the cluster itself is in `make e2e`.

use super::*;

fn topics() -> Topics {
    let name = |name: &str| name.to_owned();
    Topics { events: name("e"), rank: name("r"), similar: name("s"), dead_letters: name("d") }
}

fn existing(partitions: i32, copies: i32, settings: &[(&str, &str)]) -> Existing {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Existing { partitions, replication_factor: copies, settings: settings.collect() }
}

#[test]
fn lists_are_compacted_and_the_others_are_not() {
    let made = wanted(&topics(), Sizes { partitions: Some(24), replication_factor: None });
    let about: Vec<String> = made.iter().map(|topic| topic.report(None).about).collect();
    assert_eq!(
        about,
        [
            "24 partitions, cleanup.policy=delete",
            "24 partitions, cleanup.policy=delete",
            "24 partitions, cleanup.policy=compact",
            "1 partitions, cleanup.policy=delete, retention.ms=2592000000",
        ]
    );
    assert!(made.iter().all(|topic| topic.report(None).state == State::Missing));
}

#[test]
fn a_topic_differs_in_what_was_asked_for_and_in_what_is_needed() {
    let lists = |sizes| wanted(&topics(), sizes).remove(2);
    let any = lists(Sizes::default());
    assert_eq!(
        any.differences(&existing(3, 1, &[("cleanup.policy", "compact")])),
        [""; 0],
        "any size is right"
    );
    assert_eq!(
        any.differences(&existing(3, 1, &[("cleanup.policy", "delete")])),
        ["cleanup.policy: delete, needed compact"]
    );
    let sized = lists(Sizes { partitions: Some(6), replication_factor: Some(3) });
    assert_eq!(
        sized.differences(&existing(3, 1, &[("cleanup.policy", "compact")])),
        ["partitions: 3, asked for 6", "replication factor: 1, asked for 3"]
    );
    assert_eq!(sized.differences(&existing(6, 3, &[])), ["cleanup.policy: not told, needed compact"]);
    let differs = sized.report(Some(&existing(6, 3, &[("cleanup.policy", "delete")])));
    assert_eq!(differs.about, "6 partitions, cleanup.policy=delete", "what it has, not what it should have");
}

#[test]
fn dead_letters_are_kept_for_long_or_for_ever() {
    let dead = wanted(&topics(), Sizes { partitions: Some(6), replication_factor: None }).remove(3);
    let kept =
        |ms: &str| dead.differences(&existing(1, 1, &[("cleanup.policy", "delete"), ("retention.ms", ms)]));
    assert_eq!(kept("-1"), [""; 0]);
    assert_eq!(kept("2592000000"), [""; 0]);
    assert_eq!(kept("604800000"), ["retention.ms: 604800000, needed at least 2592000000"]);
}
