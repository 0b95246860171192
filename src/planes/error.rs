//! What a plane answered when it did not do what was asked, in one form for all.

use std::fmt;

use crate::model::Namesake;

/// What an error means for the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The object is not there.
    NotFound,
    /// Something of that name or token is there already.
    AlreadyExists,
    /// Something else still uses the object, or it is busy changing: later.
    InUse,
    /// It leans on something that was made or allowed a moment ago and is not known everywhere yet: a role, a policy, a key.
    Early,
    /// Too many calls.
    Throttled,
    /// The call may or may not have taken effect: no answer, or a server's fault.
    Ambiguous,
    /// The caller may not.
    Denied,
    /// The plane could not be reached, or no credentials were found.
    Unreachable,
    /// Not sent: the lease under which it would have been is lost.
    LeaseLost,
    /// The plane does not take what was asked.
    Invalid,
}

/// One refused or failed call. Its text is safe to show: it never holds a request.
#[derive(Debug, Clone)]
pub struct Error {
    /// What it means.
    pub class: Class,
    /// The call: `ec2.CreateVpc`.
    pub call: String,
    /// The plane's own code: `InvalidVpcID.NotFound`.
    pub code: String,
    /// The plane's own words.
    pub message: String,
    /// The plane's id of the request, for its support.
    pub request_id: Option<String>,
    /// Who bears the name that a creation was refused, when that was asked.
    pub namesake: Option<Box<Namesake>>,
}

/// A result of a plane's call.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error that no call answered: something read made no sense, or a wait ended.
    #[must_use]
    pub fn new(class: Class, call: impl Into<String>, message: impl Into<String>) -> Self {
        Self { class, call: call.into(), code: String::new(), message: message.into(), request_id: None, namesake: None }
    }

    /// The object is not there.
    #[must_use]
    pub fn not_found(call: impl Into<String>, what: &str) -> Self {
        Self::new(Class::NotFound, call, format!("{what} is not there"))
    }

    /// An answer that lacks what it must have.
    #[must_use]
    pub fn incomplete(call: impl Into<String>, what: &str) -> Self {
        Self::new(Class::Invalid, call, format!("the answer has no {what}"))
    }

    /// Whether the object is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.class == Class::NotFound
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.call)?;
        if !self.code.is_empty() {
            write!(f, "{}: ", self.code)?;
        }
        f.write_str(&self.message)?;
        match &self.request_id {
            Some(id) => write!(f, " (request {id})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

/// Turns "not there" into `None`.
pub trait Absent<T> {
    /// `Ok(None)` when the object is not there.
    ///
    /// # Errors
    /// Every other error.
    fn absent_ok(self) -> Result<Option<T>>;
}

impl<T> Absent<T> for Result<T> {
    fn absent_ok(self) -> Result<Option<T>> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
