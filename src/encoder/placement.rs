//! Where the nodes of a network really ran, read from the profile that ONNX Runtime
//! writes.
//!
//! Guarantee: a network passes only if the provider that was asked for ran nodes of it
//! and the CPU computed nothing but shapes.
//!
//! ONNX Runtime places nodes on the CPU on purpose when they only handle shapes
//! (`GetCpuPreferredNodes` in onnxruntime/core/framework/fallback_cpu_capability.cc), so
//! `session.disable_cpu_ep_fallback` would refuse networks that run as they should.
//! Numbers with a fraction tell the two apart.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

/// The CPU, by ONNX Runtime's name.
const CPU: &str = "CPUExecutionProvider";
/// Node names that a refusal lists.
const NAMES_LISTED: usize = 5;

/// An event of a profile; other fields are not looked at.
#[derive(Debug, Deserialize)]
struct Event {
    #[serde(default)]
    cat: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    args: Value,
}

impl Event {
    /// The provider that ran a node, where the event is of one that ran.
    fn provider(&self) -> Option<&str> {
        let ran = self.cat == "Node" && self.name.ends_with("_kernel_time");
        self.args["provider"].as_str().filter(|_| ran)
    }

    /// Whether it gave more than one number with a fraction.
    fn gave_fractions(&self) -> bool {
        let outputs = self.args["output_type_shape"].as_array().into_iter().flatten();
        outputs.filter_map(Value::as_object).flatten().any(|(element, shape)| {
            let dimensions = shape.as_array().into_iter().flatten().filter_map(Value::as_u64);
            let is_fraction = element.contains("float") || element == "double";
            is_fraction && dimensions.product::<u64>() > 1
        })
    }
}

/// Checks the profile of a run, for a network that shall run on `provider`, named as
/// ONNX Runtime names it.
///
/// # Errors
///
/// In words: what ran elsewhere, or that nothing ran there.
pub(super) fn check(profile: &[u8], provider: &str) -> Result<(), String> {
    let events: Vec<Event> =
        serde_json::from_slice(profile).map_err(|error| format!("its profile cannot be read: {error}"))?;
    let ran = events.iter().filter_map(|event| event.provider().map(|provider| (event, provider)));
    if !ran.clone().any(|(_, at)| at == provider) {
        let places: BTreeSet<&str> = ran.map(|(_, at)| at).collect();
        return Err(format!("no node ran on {provider}, but on {places:?}"));
    }
    if provider == CPU {
        return Ok(());
    }
    let strays: BTreeSet<&str> = ran
        .filter(|(event, at)| *at == CPU && event.gave_fractions())
        .map(|(event, _)| event.name.trim_end_matches("_kernel_time"))
        .collect();
    if strays.is_empty() {
        return Ok(());
    }
    let listed: Vec<&str> = strays.iter().copied().take(NAMES_LISTED).collect();
    Err(format!(
        "{} of its nodes ran on the CPU instead of {provider}, among them {}; export the network with \
         operators that it has",
        strays.len(),
        listed.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CUDA: &str = "CUDAExecutionProvider";

    /// An event as ONNX Runtime 1.27 writes it; more fields are left out.
    fn node(name: &str, provider: &str, outputs: &Value) -> Value {
        json!({
            "cat": "Node", "pid": 1, "tid": 1, "dur": 3, "ts": 9, "ph": "X",
            "name": format!("{name}_kernel_time"),
            "args": {"op_name": "Op", "provider": provider, "output_type_shape": outputs},
        })
    }

    fn verdict(nodes: &[Value], provider: &str) -> Result<(), String> {
        let session = json!({"cat": "Session", "name": "model_run", "args": {}, "dur": 1, "ts": 1});
        let events: Vec<&Value> = [&session].into_iter().chain(nodes).collect();
        check(serde_json::to_string(&events).unwrap().as_bytes(), provider)
    }

    #[test]
    fn shapes_may_be_computed_on_the_cpu_and_nothing_else() {
        let convolution = node("conv", CUDA, &json!([{"float": [2, 8, 16, 16]}]));
        let shape = node("gather", CPU, &json!([{"int64": [4]}]));
        let scale = node("sqrt", CPU, &json!([{"float": []}]));
        assert_eq!(verdict(&[convolution.clone(), shape.clone(), scale.clone()], CUDA), Ok(()));
        for stray in [json!([{"float": [2, 512]}]), json!([{"int64": [1]}, {"float16": [2, 512]}])] {
            let nodes = [convolution.clone(), shape.clone(), node("erf", CPU, &stray)];
            let reason = verdict(&nodes, CUDA).unwrap_err();
            assert!(reason.contains("1 of its nodes") && reason.contains("erf"), "{reason}");
        }
    }

    #[test]
    fn a_provider_that_ran_nothing_is_not_in_use() {
        let reason = verdict(&[node("conv", CPU, &json!([{"float": [2, 8]}]))], CUDA).unwrap_err();
        assert!(reason.contains("no node ran on CUDAExecutionProvider"), "{reason}");
        assert!(reason.contains(CPU), "{reason}");
        assert!(verdict(&[], CUDA).is_err());
        // What TensorRT leaves over may run on CUDA.
        let nodes = [
            node("TRTKernel_graph_0", "TensorrtExecutionProvider", &json!([{"float": [2, 512]}])),
            node("norm", CUDA, &json!([{"float": [2, 512]}])),
        ];
        assert_eq!(verdict(&nodes, "TensorrtExecutionProvider"), Ok(()));
    }

    #[test]
    fn on_the_cpu_everything_may_run_there() {
        assert_eq!(verdict(&[node("conv", CPU, &json!([{"float": [2, 8]}]))], CPU), Ok(()));
        assert!(check(b"[{", CPU).is_err());
    }
}
