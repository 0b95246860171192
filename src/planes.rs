//! The planes: how each is reached, how ownership is marked there, and which errors mean what.

pub mod aws;
pub mod error;

pub use aws::Aws;
pub use error::{Class, Error, Result};

/// Every plane that a run has connected.
#[derive(Debug, Clone)]
pub struct Planes {
    /// AWS.
    pub aws: Aws,
}

impl Planes {
    /// The same planes for a new pass: what one pass has read, the next one reads anew.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self { aws: self.aws.fresh() }
    }
}

/// One of the planes, as a kind asks for its own.
pub trait Plane: Send + Sync + 'static {
    /// The plane's name: the part of a kind's name before the dot.
    const NAME: &'static str;
    /// Itself, out of all.
    fn of(planes: &Planes) -> &Self;
}

impl Plane for Aws {
    const NAME: &'static str = "aws";
    fn of(planes: &Planes) -> &Self {
        &planes.aws
    }
}
