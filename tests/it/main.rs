mod embedded_kafka;
mod layering;
