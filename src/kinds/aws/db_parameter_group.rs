//! DbParameterGroup.

use crate::kinds::Named;

/// DbParameterGroup.
#[derive(Debug)]
pub struct DbParameterGroup;

impl Named for DbParameterGroup {
    const NAME: &'static str = "aws.db_parameter_group";
}
