//! Builds the client of one allow-listed store.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::{ClientOptions, ObjectStore, RetryConfig};

use super::StoreSettings;
use super::error::ObjectError;

/// The client's own defaults of 10 tries in 180 s exceed any grace period; beyond
/// these few the pipeline backs off itself.
fn retry() -> RetryConfig {
    RetryConfig { max_retries: 5, retry_timeout: Duration::from_secs(20), ..RetryConfig::default() }
}

fn client() -> ClientOptions {
    ClientOptions::new()
        .with_connect_timeout(Duration::from_secs(5))
        .with_read_timeout(Duration::from_secs(5))
        .with_timeout(Duration::from_secs(20))
}

/// The client of `settings`; `root` is the store without the prefix.
pub(super) fn build(settings: &StoreSettings, root: &str) -> Result<Arc<dyn ObjectStore>, ObjectError> {
    let refused = |reason: String| ObjectError::Settings { uri: settings.uri.clone(), reason };
    let scheme = root.split("://").next().unwrap_or_default();
    // The three builders have the same methods but no common trait.
    macro_rules! remote {
        ($builder:ty) => {{
            let mut builder =
                <$builder>::from_env().with_url(root).with_retry(retry()).with_client_options(client());
            for (name, value) in &settings.options {
                let key =
                    name.to_lowercase().parse().map_err(|_| refused(format!("unknown option {name}")))?;
                builder = builder.with_config(key, value);
            }
            let store = builder.build().map_err(|error| refused(error.to_string()))?;
            Ok(Arc::new(store) as Arc<dyn ObjectStore>)
        }};
    }
    match scheme {
        "s3" | "s3a" => remote!(AmazonS3Builder),
        "gs" => remote!(GoogleCloudStorageBuilder),
        "az" | "azure" | "abfs" | "abfss" | "adl" => remote!(MicrosoftAzureBuilder),
        "file" if root == "file:///" => {
            if let Some(name) = settings.options.keys().next() {
                return Err(refused(format!("unknown option {name}")));
            }
            Ok(Arc::new(LocalFileSystem::new()))
        }
        "file" => Err(refused("write it as file:///folder/".to_owned())),
        other => Err(refused(format!("scheme {other} is not one of s3, gs, az, file"))),
    }
}
