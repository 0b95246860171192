//! Where a record is kept: a handful of operations that a local folder and S3 both have, with the two conditional
//! writes that everything else stands on.

use super::RecordError;
use super::local::LocalFolder;
use super::s3::S3Bucket;

/// What tells one content of an object from the next: S3's ETag, or a file's SHA-256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(String);

impl Version {
    pub(super) fn new(text: String) -> Self {
        Self(text)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// An object as it was read.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its content.
    pub body: Vec<u8>,
    /// What a conditional overwrite names.
    pub version: Version,
}

/// What came of a conditional write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// It is there, durably.
    Written(Version),
    /// The condition did not hold: somebody else wrote first. Nothing was changed.
    Refused,
}

/// A place for a record. Cheap to clone. Nothing is made by opening one.
///
/// A write whose answer was lost on the way is recognised by its content, so bodies of conditional writes must be
/// unlike any other writer's (all of the record's carry a random id).
#[derive(Debug, Clone)]
pub enum Store {
    /// A folder.
    Local(LocalFolder),
    /// A bucket.
    S3(S3Bucket),
}

impl Store {
    /// Reads an object; `None` when it (or the whole record) does not exist.
    ///
    /// # Errors
    /// [`RecordError::File`] or [`RecordError::S3`]: a failed read is not absence.
    pub async fn get(&self, key: &str) -> Result<Option<Object>, RecordError> {
        match self {
            Self::Local(folder) => {
                let key = key.to_owned();
                blocking(folder, move |folder| folder.get(&key)).await
            }
            Self::S3(bucket) => bucket.get(key).await,
        }
    }

    /// Writes an object that must not exist yet.
    ///
    /// # Errors
    /// [`RecordError::File`] or [`RecordError::S3`].
    pub async fn put_new(&self, key: &str, body: Vec<u8>) -> Result<Put, RecordError> {
        match self {
            Self::Local(folder) => {
                let key = key.to_owned();
                blocking(folder, move |folder| folder.put_new(&key, &body)).await
            }
            Self::S3(bucket) => bucket.put_new(key, body).await,
        }
    }

    /// Overwrites an object that must still be the version that was seen.
    ///
    /// # Errors
    /// [`RecordError::File`] or [`RecordError::S3`].
    pub async fn put_over(&self, key: &str, body: Vec<u8>, seen: &Version) -> Result<Put, RecordError> {
        match self {
            Self::Local(folder) => {
                let (key, seen) = (key.to_owned(), seen.clone());
                blocking(folder, move |folder| folder.put_over(&key, &body, &seen)).await
            }
            Self::S3(bucket) => bucket.put_over(key, body, seen).await,
        }
    }

    /// Writes an object, whatever is there.
    ///
    /// # Errors
    /// [`RecordError::File`] or [`RecordError::S3`].
    pub async fn put(&self, key: &str, body: Vec<u8>) -> Result<Version, RecordError> {
        match self {
            Self::Local(folder) => {
                let key = key.to_owned();
                blocking(folder, move |folder| folder.put(&key, &body)).await
            }
            Self::S3(bucket) => bucket.put(key, body).await,
        }
    }

    /// The keys that begin with `prefix` and come after `after`, sorted.
    ///
    /// # Errors
    /// [`RecordError::File`] or [`RecordError::S3`].
    pub async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>, RecordError> {
        match self {
            Self::Local(folder) => {
                let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
                blocking(folder, move |folder| folder.list(&prefix, after.as_deref())).await
            }
            Self::S3(bucket) => bucket.list(prefix, after).await,
        }
    }

    /// The object's place in words, for messages.
    #[must_use]
    pub fn place(&self, key: &str) -> String {
        match self {
            Self::Local(folder) => folder.root().join(key).display().to_string(),
            Self::S3(bucket) => bucket.place(key),
        }
    }
}

/// File calls block; they must not hold up the heartbeat of the lease.
async fn blocking<T: Send + 'static>(
    folder: &LocalFolder,
    work: impl FnOnce(&LocalFolder) -> Result<T, RecordError> + Send + 'static,
) -> Result<T, RecordError> {
    let folder = folder.clone();
    let place = folder.root().to_owned();
    match tokio::task::spawn_blocking(move || work(&folder)).await {
        Ok(result) => result,
        Err(error) => Err(RecordError::File { verb: "use", path: place, why: error.to_string() }),
    }
}
