//! DbSubnetGroup.

use crate::kinds::Named;

/// DbSubnetGroup.
#[derive(Debug)]
pub struct DbSubnetGroup;

impl Named for DbSubnetGroup {
    const NAME: &'static str = "aws.db_subnet_group";
}
