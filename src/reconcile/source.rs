//! Where the desired state comes from: a folder, or a ref of a Git repository.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Loaded;
use super::git::{Fetched, Git};
use crate::desired::folder::signature;
use crate::record::Location;

/// Where the desired state comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A stack's folder.
    Folder(PathBuf),
    /// A folder of a repository.
    Git(Git),
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The stack, when it is right.
    pub loaded: Option<Arc<Loaded>>,
    /// What its files were like.
    pub signature: String,
    /// What is wrong with the YAML.
    pub wrong: Option<String>,
    /// Why there is nothing newer to read.
    pub trouble: Option<String>,
    /// What people are told once.
    pub rewritten: Option<String>,
}

impl Source {
    /// What tells, without reading it, that there is something new; of a repository only a fetch tells it.
    pub(super) fn signature(&self) -> String {
        match self {
            Self::Folder(dir) => signature(dir),
            Self::Git(_) => String::new(),
        }
    }

    /// Reads it. Where no file changed since `before`, that is what it is: of a large estate reading is a good part of a quiet pass.
    pub(super) async fn read(&self, before: Option<(String, Arc<Loaded>)>) -> Read {
        match self {
            Self::Folder(dir) => load(dir.clone(), None, before).await,
            Self::Git(git) => {
                let Fetched { used, trouble, rewritten } = git.fetch().await;
                let read = match used {
                    Some((commit, dir)) => load(dir, Some((commit, git.state.clone())), before).await,
                    None => Read::default(),
                };
                Read { trouble, rewritten, ..read }
            }
        }
    }
}

/// Reads a stack's folder; one of a repository has a commit, and its record may not lie beside it.
async fn load(dir: PathBuf, fetched: Option<(String, PathBuf)>, before: Option<(String, Arc<Loaded>)>) -> Read {
    // Before they are read: what changes meanwhile is read once more.
    let signature = signature(&dir);
    let commit = fetched.as_ref().map(|(commit, _)| commit);
    let is_same = |(same, loaded): &(String, Arc<Loaded>)| !same.is_empty() && *same == signature && loaded.commit.as_ref() == commit;
    if let Some((_, loaded)) = before.filter(is_same) {
        return Read { loaded: Some(loaded), signature, ..Read::default() };
    }
    let read = tokio::task::spawn_blocking(move || {
        let mut loaded = Loaded::read(&dir).map_err(|wrong| wrong.to_string())?;
        // The loop works on the wishes, and they are as large as what they were made of.
        loaded.desired.resources.clear();
        if let Some((commit, state)) = fetched {
            if is_beside(&loaded.stack.record, &state) {
                return Err(
                    "`record: local:PATH` is relative, and would go with the next commit: write an absolute path, or `s3`".to_owned()
                );
            }
            loaded.commit = Some(commit);
        }
        Ok(loaded)
    });
    match read.await {
        Ok(Ok(loaded)) => Read { loaded: Some(Arc::new(loaded)), signature, ..Read::default() },
        Ok(Err(wrong)) => Read { wrong: Some(wrong), ..Read::default() },
        Err(error) => Read { wrong: Some(error.to_string()), ..Read::default() },
    }
}

fn is_beside(record: &Location, state: &Path) -> bool {
    matches!(record, Location::Local(path) if path.starts_with(state))
}
