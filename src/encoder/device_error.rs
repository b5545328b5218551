//! What the text of a failure says about the device. ONNX Runtime passes errors of
//! its providers on as text under a general code, so the text is all there is.
//!
//! Guarantee: what is not recognised is never taken for an error of the device; who
//! is to blame is then found by a run on an input that is known to work.

/// Whose fault a failed run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The batch was too large for the memory that is left.
    OutOfMemory,
    /// Every further call fails in the same way until the process is started anew.
    Sticky,
    /// The text does not say.
    Unknown,
}

/// Parts of texts that tell of exhausted memory, in lower case.
const OUT_OF_MEMORY: [&str; 9] = [
    // onnxruntime/core/framework/bfc_arena.cc, AllocateRawInternal and Extend
    "failed to allocate memory for requested buffer",
    "is smaller than requested bytes of",
    // cudaGetErrorString(cudaErrorMemoryAllocation), as core/providers/cuda/cuda_call.cc
    // writes it, and TensorRT
    "out of memory",
    "outofmemory",
    // core/providers/cuda/cuda_call.cc: CudaErrString<cublasStatus_t>, cudnnGetErrorString
    "cublas_status_alloc_failed",
    "cudnn_status_alloc_failed",
    "allocation_failed",
    // std::bad_alloc of libstdc++, and the text of core/common for it
    "bad_alloc",
    "bad allocation",
];

/// Errors after which, by the CUDA runtime's own words (driver_types.h, cudaError),
/// "the process must be terminated and relaunched", and those of a device that is gone:
/// the number, and the text that `cudaGetErrorString` gives.
const STICKY: [(u32, &str); 14] = [
    (46, "all cuda-capable devices are busy or unavailable"),
    (100, "no cuda-capable device is detected"),
    (214, "uncorrectable ecc error encountered"),
    (220, "uncorrectable nvlink error detected during the execution"),
    (700, "an illegal memory access was encountered"),
    (702, "the launch timed out and was terminated"),
    (709, "context is destroyed"),
    (710, "device-side assert triggered"),
    (714, "hardware stack error"),
    (715, "an illegal instruction was encountered"),
    (716, "misaligned address"),
    (717, "operation not supported on global/shared address space"),
    (718, "invalid program counter"),
    (719, "unspecified launch failure"),
];

/// Judges a failure by its text.
pub(super) fn fault(reason: &str) -> Fault {
    let text = reason.to_lowercase();
    let number = cuda_error(&text);
    // The sticky one first: after it, further allocations fail as well.
    if STICKY.iter().any(|(sticky, words)| number == Some(*sticky) || text.contains(words)) {
        Fault::Sticky
    } else if OUT_OF_MEMORY.iter().any(|words| text.contains(words)) {
        Fault::OutOfMemory
    } else {
        Fault::Unknown
    }
}

/// The number in "CUDA failure 700: …" (core/providers/cuda/cuda_call.cc).
fn cuda_error(text: &str) -> Option<u32> {
    let (_, after) = text.split_once("cuda failure ")?;
    let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    after[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As ONNX Runtime 1.2x writes them, with the files of its source that do.
    #[test]
    fn texts_of_onnx_runtime_are_understood() {
        for (text, expected) in [
            // core/framework/bfc_arena.cc
            (
                "Non-zero status code returned while running FusedConv node. Name:'/conv1/Conv' Status \
                 Message: /onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:376 void* \
                 onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*) Failed to \
                 allocate memory for requested buffer of size 2081488896",
                Fault::OutOfMemory,
            ),
            (
                "BFCArena::AllocateRawInternal: Available memory of 19968 is smaller than requested bytes \
                 of 1572864",
                Fault::OutOfMemory,
            ),
            // core/providers/cuda/cuda_call.cc
            (
                "CUDA failure 2: out of memory ; GPU=0 ; hostname=worker-0 ; file=/onnxruntime_src/\
                 onnxruntime/core/providers/cuda/cuda_allocator.cc ; line=45 ; expr=cudaMalloc((void**)&p, \
                 size);",
                Fault::OutOfMemory,
            ),
            (
                "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0 ; hostname=worker-0 ; \
                 expr=cublasCreate(&cublas_handle_);",
                Fault::OutOfMemory,
            ),
            (
                "CUDNN failure 4003: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED ; GPU=0",
                Fault::OutOfMemory,
            ),
            ("CUDNN failure 4000: CUDNN_STATUS_INTERNAL_ERROR ; GPU=0", Fault::Unknown),
            (
                "CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; hostname=worker-0 ; \
                 expr=cudaStreamSynchronize(stream);",
                Fault::Sticky,
            ),
            ("CUDA failure 719: unspecified launch failure ; GPU=0 ; hostname=worker-0", Fault::Sticky),
            // The number decides where the text is another language's or version's.
            ("CUDA failure 716: Ausrichtung ; GPU=0", Fault::Sticky),
            ("CUDA failure 1: invalid argument ; GPU=0", Fault::Unknown),
            // TensorRT's logger, through core/providers/tensorrt
            (
                "IExecutionContext::enqueueV3: Error Code 1: Cuda Runtime (an illegal memory access was \
                 encountered)",
                Fault::Sticky,
            ),
            ("TensorRT EP execution context enqueue failed.", Fault::Unknown),
            // Any provider, about an input.
            ("Got invalid dimensions for input: pixel_values", Fault::Unknown),
            ("it panicked", Fault::Unknown),
        ] {
            assert_eq!(fault(text), expected, "{text}");
        }
    }

    #[test]
    fn a_dead_device_is_not_taken_for_a_full_one() {
        let both = "CUDA failure 700: an illegal memory access was encountered ; out of memory";
        assert_eq!(fault(both), Fault::Sticky);
    }
}
