//! This host's HAProxy, made as the stack tells its hosts. No plan and no journal: what is said there went through both, and each host sees to its own.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Error, Session};
use crate::kinds::haproxy::config::Config;
use crate::kinds::{Change, Kind, Live, Naming, New, lookup};
use crate::model::marks::Applied;
use crate::model::{Address, Marks, Named};
use crate::planes::error::Class;
use crate::planes::{self, Haproxy, Plane};

/// Where the one configuration stands in every stack (`modules/routing.yaml`).
const ADDRESS: &str = "routing.haproxy";

impl Session {
    /// Makes this host's HAProxy as `want`. What was different, by field; nothing where it is so already.
    ///
    /// # Errors
    /// This is no host, or HAProxy refuses; somebody else's configuration is left alone.
    pub async fn route(&self, want: &Config) -> Result<BTreeSet<String>, Error> {
        let haproxy = Haproxy::of(&self.planes)?.fresh();
        let form = serde_json::to_value(want).unwrap_or_default();
        let marks = self.marks(&form)?;
        let Some(live) = Config::fetch(&haproxy).await?.pop() else {
            let address = address()?;
            let naming = Naming { stack: self.stack.name.clone(), salt: String::new() };
            let new = New { address, want: want.clone(), marks, token: String::new(), naming };
            Config::create(&haproxy, &new).await?;
            return Ok(BTreeSet::from(["all of it".to_owned()]));
        };
        let mut fields = differing(&live, &form);
        if live.marks.applied != marks.applied {
            fields.insert("marks".to_owned());
        }
        if !fields.is_empty() {
            let Live { id, shape, .. } = live;
            let marks = Marks { attempt: live.marks.attempt, ..marks };
            let change = Change {
                address: address()?,
                id,
                attributes: live.attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
                have: shape,
                want: want.clone(),
                fields: fields.clone(),
                marks,
                token: String::new(),
            };
            Config::update(&haproxy, &change).await?;
        }
        Ok(fields)
    }

    /// The marks that an apply would leave, so that its next plan finds nothing to do.
    fn marks(&self, form: &Value) -> Result<Marks, Error> {
        let row = lookup(Config::NAME).ok_or_else(|| internal("it is no kind"))?;
        let applied = Applied::of(row.info().set_fields(form));
        Ok(Marks { stack: self.stack.name.clone(), address: Some(address()?), applied, ..Marks::default() })
    }
}

/// The fields in which the two differ. What says only what is found is wished as it has to be.
fn differing(live: &Live<Config>, want: &Value) -> BTreeSet<String> {
    let have = serde_json::to_value(&live.shape).unwrap_or_default();
    let names = |value: &Value| value.as_object().map(|all| all.keys().cloned().collect::<BTreeSet<_>>()).unwrap_or_default();
    names(&have).union(&names(want)).filter(|name| have.get(name.as_str()) != want.get(name.as_str())).cloned().collect()
}

fn address() -> Result<Address, Error> {
    Address::parse(ADDRESS).map_err(|_| internal("its address is none"))
}

fn internal(why: &str) -> Error {
    planes::Error::new(Class::Invalid, "haproxy.route", why).into()
}
