//! DbInstance.

use crate::kinds::Named;

/// DbInstance.
#[derive(Debug)]
pub struct DbInstance;

impl Named for DbInstance {
    const NAME: &'static str = "aws.db_instance";
}
