//! A tenant's folder on the shared file system: what its container keeps besides the database.
//!
//! Layout: `ROOT/NAME/.reeve` bears the marks, `ROOT/NAME/data` is bound into the container (`src/planes/files/folder.rs`).
//! Does not touch what is in `data`, folders without a mark, and hidden names under the root.
//! Where the file system has an owner of its own for everything (an EFS access point forces one user and refuses `chown`), `uid` and `gid` count as given as
//! long as the data belongs to whom it decided on; `mode` is compared always.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kinds::aws::file_system::FileSystem;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::field::Ref;
use crate::model::{Marks, Whose};
use crate::planes::Files;
use crate::planes::error::{Absent, Error, Result};
use crate::planes::files::folder::DATA;
use crate::planes::files::{self, Owner};

/// A tenant's folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Folder {
    /// Its name under the root of all folders: 1 to 63 of `[a-z0-9-]`. Another name is another, empty folder.
    #[schemars(extend("x-replace" = true))]
    pub name: String,
    /// The file system that it lies on, which has to be there before. Default: none, a disk of the host's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-order" = true))]
    pub file_system: Option<Ref<FileSystem>>,
    /// The user whom its data belongs to, by number. Default: 1001, as the images have it.
    #[serde(default = "uid")]
    pub uid: u32,
    /// The group whom its data belongs to, by number. Default: 0: the images' own files are writable by that group only.
    #[serde(default)]
    pub gid: u32,
    /// The permissions of its data, in octal digits. Default: `0770`.
    #[serde(default)]
    pub mode: Mode,
}

fn uid() -> u32 {
    1001
}

/// Permissions, written as four octal digits. What is read back of data that is gone is `none`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Mode(String);

impl Default for Mode {
    fn default() -> Self {
        Self("0770".to_owned())
    }
}

impl Mode {
    fn of(bits: Option<u32>) -> Self {
        Self(bits.map_or_else(|| "none".to_owned(), |bits| format!("{bits:04o}")))
    }

    fn bits(&self) -> Option<u32> {
        let octal = self.0.len() == 4 && self.0.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
        octal.then(|| u32::from_str_radix(&self.0, 8).ok()).flatten()
    }
}

impl Named for Folder {
    const NAME: &'static str = "files.folder";
}

impl Kind for Folder {
    type Plane = Files;
    const PAGE: &'static str = "https://docs.aws.amazon.com/efs/latest/ug/efs-access-points.html";
    const TAGS: Tags = Tags::File;
    const ATTRIBUTES: &'static [&'static str] = &["path"];
    const STATEFUL: bool = true;
    const AT_ONCE: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.name.is_empty() || self.name.len() > 63 || !self.name.bytes().all(plain) || self.name.starts_with('-') {
            wrong.push(("name".into(), "is 1 to 63 of [a-z0-9-] and begins with a letter or digit".into()));
        }
        match self.mode.bits() {
            None => wrong.push(("mode".into(), "is four octal digits, such as \"0770\"".into())),
            Some(bits) if bits & 0o007 != 0 => wrong.push(("mode".into(), "lets everybody in: the last digit is 0".into())),
            Some(bits) if bits & 0o700 != 0o700 => wrong.push(("mode".into(), "keeps its owner out: the second digit is 7".into())),
            Some(_) => {}
        }
        wrong
    }

    async fn fetch(cx: &Files) -> Result<Vec<Live<Self>>> {
        let mut live = Vec::new();
        for found in cx.list().await? {
            let Some(folder) = found.folder else {
                cx.ours.stranger(Self::NAME, (&found.name, &found.id), Whose::Nobody);
                continue;
            };
            let tags = folder.tags.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let Some(marks) = cx.ours.marks_or_stranger(Self::NAME, (&found.name, &found.id), tags) else { continue };
            let files::Folder { owner: Owner { uid, gid }, mode, .. } = folder;
            let shape = Self { name: found.name, file_system: None, uid, gid, mode: Mode::of(mode) };
            live.push(Live { attributes: known(&found.id), id: found.id, shape, marks, made_at: String::new() });
        }
        Ok(live)
    }

    fn name_of(new: &New<Self>) -> Option<String> {
        Some(new.want.name.clone())
    }

    async fn namesake(cx: &Files, new: &New<Self>) -> Result<Option<String>> {
        Ok(Some(cx.path(&new.want.name).to_string_lossy().into_owned()))
    }

    async fn create(cx: &Files, new: &New<Self>) -> Result<Made> {
        let id = cx.path(&new.want.name).to_string_lossy().into_owned();
        let (tags, (owner, mode)) = (tags(&new.marks), new.want.asked());
        cx.change("files.make", &id, move |path| files::Folder::make(path, &tags, owner, mode)).await?;
        Ok(Made { attributes: known(&id), id })
    }

    async fn update(cx: &Files, change: &Change<Self>) -> Result<()> {
        let (owner, mode) = change.want.asked();
        cx.change("files.change", &change.id, move |path| files::Folder::change(path, owner, mode)).await
    }

    async fn delete(cx: &Files, gone: &Gone<Self>) -> Result<()> {
        let ours = cx.ours.clone();
        let is_ours =
            move |tags: &BTreeMap<String, String>| ours.marks(tags.iter().map(|(name, value)| (name.as_str(), value.as_str()))).is_some();
        cx.change("files.drop", &gone.id, move |path| files::Folder::drop(path, is_ours)).await.absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Files, id: &str) -> Result<Ready> {
        match cx.read(id).await? {
            Some(_) => Ok(Ready::Yes(known(id))),
            None => Err(Error::not_found("files.read", id)),
        }
    }

    async fn mark(cx: &Files, id: &str, marks: &Marks) -> Result<()> {
        let tags = tags(marks);
        cx.change("files.mark", id, move |path| files::Folder::mark(path, tags, true)).await
    }
}

impl Folder {
    fn asked(&self) -> (Owner, u32) {
        (Owner { uid: self.uid, gid: self.gid }, self.mode.bits().unwrap_or(0o770))
    }
}

fn tags(marks: &Marks) -> BTreeMap<String, String> {
    marks.to_tags().into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What is bound into the container.
fn known(id: &str) -> Attributes {
    attributes([("path", &format!("{id}/{DATA}"))])
}
