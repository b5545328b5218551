//! What keeps this process from being ready.
//!
//! Guarantee: a component that reported a reason stays blocked until it takes it
//! back itself.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Reasons not to be ready, one for each component.
#[derive(Debug, Default)]
pub struct Health {
    blocked: Mutex<BTreeMap<&'static str, String>>,
}

impl Health {
    /// A component cannot work, and why.
    pub fn block(&self, component: &'static str, reason: impl Into<String>) {
        self.lock().insert(component, reason.into());
    }

    /// The component works again.
    pub fn unblock(&self, component: &'static str) {
        self.lock().remove(component);
    }

    /// All reasons, as `component: reason`; empty when nothing is blocked.
    pub fn blocked(&self) -> Vec<String> {
        self.lock().iter().map(|(component, reason)| format!("{component}: {reason}")).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, String>> {
        // Every change is a single insert or remove: a panic leaves nothing half done.
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
