use super::*;
use crate::error::{Classify as _, Disposition};

const KNOWN: u32 = 1_000;
const NO_MEMORY: &str = "CUDA failure 2: out of memory ; GPU=0";
const ILLEGAL_ADDRESS: &str = "CUDA failure 700: an illegal memory access was encountered ; GPU=0";

/// What a caller hears; `None` if nothing.
type Heard = Option<Result<Embedding, EncoderError>>;
/// What a run of these inputs gives.
type Script = Box<dyn FnMut(&[u32]) -> Result<Vec<Vec<f32>>, String> + Send>;

/// Does what its script says and writes down what it was given.
struct Scripted {
    script: Script,
    runs: Vec<Vec<u32>>,
}

impl Network for Scripted {
    type Input = u32;
    const TOWER: &'static str = "scripted";

    fn largest_batch(&self) -> Option<usize> {
        None
    }

    fn run(&mut self, inputs: &[&u32]) -> Result<Vec<Vec<f32>>, String> {
        let inputs: Vec<u32> = inputs.iter().map(|input| **input).collect();
        self.runs.push(inputs.clone());
        (self.script)(&inputs)
    }
}

fn vector(input: u32) -> Vec<f32> {
    let angle = input as f32 / 1_000.0;
    vec![angle.cos(), angle.sin()]
}

fn vectors(inputs: &[u32]) -> Result<Vec<Vec<f32>>, String> {
    Ok(inputs.iter().map(|input| vector(*input)).collect())
}

fn runner(
    padded_sizes: &[usize],
    script: impl FnMut(&[u32]) -> Result<Vec<Vec<f32>>, String> + Send + 'static,
) -> Runner<Scripted> {
    Runner {
        network: Scripted { script: Box::new(script), runs: Vec::new() },
        shared: Arc::new(Shared {
            known: KNOWN,
            padded_sizes: padded_sizes.to_vec(),
            limit: BatchLimit::new(8),
            lost: OnceLock::new(),
        }),
    }
}

/// What the callers of `inputs` hear.
fn answers(runner: &mut Runner<Scripted>, inputs: &[u32]) -> (Result<(), DeviceLost>, Vec<Heard>) {
    let (jobs, calls): (Vec<_>, Vec<_>) = inputs
        .iter()
        .map(|input| {
            let (reply, call) = oneshot::channel();
            (Job { input: *input, arrived: Instant::now(), reply }, call)
        })
        .unzip();
    let ended = runner.answer(jobs);
    (ended, calls.into_iter().map(|mut call| call.try_recv().ok()).collect())
}

fn assert_right(inputs: &[u32], answers: Vec<Heard>) {
    for (input, answer) in inputs.iter().zip(answers) {
        let expected = Embedding::normalised(vector(*input)).unwrap();
        assert_eq!(answer.expect("an answer").unwrap(), expected, "input {input}");
    }
}

fn sizes(runner: &Runner<Scripted>) -> Vec<usize> {
    runner.network.runs.iter().map(Vec::len).collect()
}

/// A device with memory for so many rows.
fn with_memory(rows: usize) -> impl FnMut(&[u32]) -> Result<Vec<Vec<f32>>, String> + Send {
    move |inputs| if inputs.len() > rows { Err(NO_MEMORY.to_owned()) } else { vectors(inputs) }
}

#[test]
fn a_batch_without_memory_is_halved_and_the_limit_stays() {
    let mut runner = runner(&[], with_memory(3));
    let inputs: Vec<u32> = (1..=7).collect();
    let (ended, answers) = answers(&mut runner, &inputs);
    assert!(ended.is_ok());
    assert_right(&inputs, answers);
    assert_eq!(sizes(&runner), [7, 3, 3, 1]);
    assert_eq!(runner.shared.limit.get(), 3);
}

#[test]
fn a_single_input_without_memory_is_given_back_and_not_blamed() {
    let mut runner = runner(&[], with_memory(0));
    let (ended, answers) = answers(&mut runner, &[1, 2, 3, 4]);
    assert!(ended.is_ok());
    for answer in answers {
        let error = answer.expect("an answer").unwrap_err();
        assert!(matches!(error, EncoderError::OutOfMemory { .. }), "{error}");
        assert_eq!(error.disposition(), Disposition::Retry);
    }
    assert_eq!(sizes(&runner), [4, 2, 1, 1, 1, 1]);
}

#[test]
fn batches_are_filled_up_and_only_real_inputs_are_answered() {
    let mut runner = runner(&[2, 8], vectors);
    for inputs in [vec![1, 2, 3, 4, 5], vec![6, 7], vec![8]] {
        let (_, answers) = answers(&mut runner, &inputs);
        assert_right(&inputs, answers);
    }
    assert_eq!(runner.network.runs, [vec![1, 2, 3, 4, 5, 5, 5, 5], vec![6, 7], vec![8, 8]]);
}

#[test]
fn padding_counts_for_the_memory() {
    let mut runner = runner(&[4, 8], with_memory(2));
    let (_, answers) = answers(&mut runner, &[1, 2, 3, 4, 5]);
    assert_right(&[1, 2, 3, 4, 5], answers);
    // 5 as 8, 4 as 4, then at most 2, for which there is no smaller size.
    assert_eq!(sizes(&runner), [8, 4, 2, 2, 1]);
}

#[test]
fn a_lost_device_is_not_asked_again() {
    let mut runner =
        runner(
            &[],
            |inputs| {
                if inputs.contains(&3) { Err(ILLEGAL_ADDRESS.to_owned()) } else { vectors(inputs) }
            },
        );
    let (ended, answers) = answers(&mut runner, &[1, 2, 3, 4]);
    assert!(ended.is_err());
    assert!(answers.iter().all(Option::is_none));
    assert_eq!(sizes(&runner), [4]);
    assert_eq!(runner.shared.lost.get().unwrap(), ILLEGAL_ADDRESS);
}

#[test]
fn a_bad_input_is_blamed_only_while_the_network_works() {
    let fails = |bad: u32| {
        move |inputs: &[u32]| {
            if inputs.iter().any(|input| *input >= bad) { Err("no".to_owned()) } else { vectors(inputs) }
        }
    };
    // Above the known input: it fails alone.
    let mut works = runner(&[], fails(KNOWN + 1));
    let (ended, mut answers_of_it) = answers(&mut works, &[1, KNOWN + 7, 2]);
    assert!(ended.is_ok());
    let error = answers_of_it.remove(1).expect("an answer").unwrap_err();
    assert_eq!(error.disposition(), Disposition::DeadLetter);
    assert_right(&[1, 2], answers_of_it);
    assert_eq!(works.network.runs, [vec![1, KNOWN + 7, 2], vec![1], vec![KNOWN + 7], vec![KNOWN], vec![2]]);

    // The known input fails as well: nobody becomes a dead letter.
    let mut broken = runner(&[], fails(0));
    let (ended, answers) = answers(&mut broken, &[1, 2, 3]);
    assert!(ended.is_err());
    assert!(answers.iter().all(Option::is_none));
    assert!(broken.shared.lost.get().unwrap().contains("test input"));
}

#[test]
fn vectors_without_numbers_are_judged_the_same_way() {
    let not_a_number = |bad: fn(u32) -> bool| {
        move |inputs: &[u32]| {
            let one = |input: &u32| if bad(*input) { vec![f32::NAN, 0.0] } else { vector(*input) };
            Ok(inputs.iter().map(one).collect())
        }
    };
    let mut works = runner(&[], not_a_number(|input| input == 2));
    let (ended, mut answers_of_it) = answers(&mut works, &[1, 2, 3]);
    assert!(ended.is_ok());
    let error = answers_of_it.remove(1).expect("an answer").unwrap_err();
    assert!(matches!(error, EncoderError::Embedding { .. }), "{error}");
    assert_right(&[1, 3], answers_of_it);

    let mut broken = runner(&[], not_a_number(|_| true));
    assert!(answers(&mut broken, &[1, 2, 3]).0.is_err());
}

#[test]
fn a_full_device_does_not_count_as_broken() {
    let mut first = true;
    let mut runner = runner(&[], move |_| {
        let reason = if std::mem::take(&mut first) { "no" } else { NO_MEMORY };
        Err(reason.to_owned())
    });
    let (ended, answers) = answers(&mut runner, &[1]);
    assert!(ended.is_ok());
    assert!(matches!(answers.as_slice(), [Some(Err(EncoderError::OutOfMemory { .. }))]));
}

#[test]
fn halving_goes_on_among_inputs_that_run_one_by_one() {
    // The batch fails for its bad input first, then single ones find no memory: each is
    // answered once.
    let mut runner = runner(&[2], |inputs| match inputs {
        [_, _, _, ..] => Err("no".to_owned()),
        [_, _] => Err(NO_MEMORY.to_owned()),
        [9] => Err("no".to_owned()),
        _ => vectors(inputs),
    });
    let (ended, mut answers) = answers(&mut runner, &[1, 9, 2]);
    assert!(ended.is_ok());
    assert!(answers.remove(1).expect("an answer").is_err());
    assert_right(&[1, 2], answers);
    assert_eq!(runner.shared.limit.get(), 1);
}
