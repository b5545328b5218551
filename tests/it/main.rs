mod embedded_kafka;
mod http;
mod layering;
