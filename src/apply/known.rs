//! What is known of each address while a plan is applied: what the plan saw, then what was made.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::model::hole::Hole;
use crate::model::plan::Plan;
use crate::model::{Address, Marks};

/// An object as far as it is known.
#[derive(Debug, Clone, Default)]
pub struct Object {
    /// Its id.
    pub id: String,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
    /// Its marks.
    pub marks: Marks,
}

/// The objects, by address. A replaced one is unknown until its successor is made.
#[derive(Debug)]
pub struct Known {
    objects: Mutex<BTreeMap<Address, Object>>,
}

impl Known {
    /// What `plan` saw, without what it replaces.
    pub fn new(plan: &Plan) -> Self {
        let replaced: Vec<&Address> =
            plan.actions.iter().filter(|a| a.action == crate::model::plan::Verb::Replace).map(|a| &a.address).collect();
        let objects = plan
            .seen
            .iter()
            .filter(|(address, _)| replaced.binary_search(address).is_err())
            .map(|(address, seen)| {
                (address.clone(), Object { id: seen.id.clone(), attributes: seen.attributes.clone(), marks: seen.marks.clone() })
            })
            .collect();
        Self { objects: Mutex::new(objects) }
    }

    /// What is known of `address`.
    pub fn get(&self, address: &Address) -> Option<Object> {
        self.lock().get(address).cloned()
    }

    /// Takes in what was made.
    pub fn put(&self, address: &Address, object: Object) {
        self.lock().insert(address.clone(), object);
    }

    /// Takes in attributes that are known by now.
    pub fn learn(&self, address: &Address, attributes: BTreeMap<String, String>) {
        if let Some(object) = self.lock().get_mut(address) {
            object.attributes.extend(attributes);
        }
    }

    /// What a hole stands for.
    pub fn value(&self, hole: &Hole) -> Option<String> {
        let objects = self.lock();
        let object = objects.get(&hole.address)?;
        match hole.attribute.as_deref() {
            None | Some("id") => Some(object.id.clone()),
            Some(name) => object.attributes.get(name).cloned(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Address, Object>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
