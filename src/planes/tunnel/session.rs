//! A session of Session Manager, and its end. One that is not given back stays open for as long as the account lets it be idle.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What has begun in this process and was not given back yet, by its id.
static OPEN: Mutex<BTreeMap<String, aws_sdk_ssm::Client>> = Mutex::new(BTreeMap::new());

/// The longest that giving back may take, all together.
const PATIENCE: Duration = Duration::from_secs(5);

/// A session. It is given back when this goes.
#[derive(Debug)]
pub struct Session {
    id: String,
}

impl Session {
    pub(super) fn begun(ssm: &aws_sdk_ssm::Client, id: &str) -> Self {
        open().insert(id.to_owned(), ssm.clone());
        Self { id: id.to_owned() }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Where nothing runs any more, `farewell` has done it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(end(self.id.clone()));
        }
    }
}

fn open() -> MutexGuard<'static, BTreeMap<String, aws_sdk_ssm::Client>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether it was given back is nobody's concern: it ends by itself, later.
async fn end(id: String) {
    let ssm = open().get(&id).cloned();
    if let Some(ssm) = ssm {
        drop(ssm.terminate_session().session_id(&id).send().await);
        open().remove(&id);
    }
}

/// Gives back every session of this process: the last thing that a program does.
pub async fn farewell() {
    let ids: Vec<String> = open().keys().cloned().collect();
    drop(tokio::time::timeout(PATIENCE, futures::future::join_all(ids.into_iter().map(end))).await);
}
