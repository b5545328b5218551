#![allow(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

mod embedded_kafka;
mod http;
mod layering;
