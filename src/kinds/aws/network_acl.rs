//! NetworkAcl.

use crate::kinds::Named;

/// NetworkAcl.
#[derive(Debug)]
pub struct NetworkAcl;

impl Named for NetworkAcl {
    const NAME: &'static str = "aws.network_acl";
}
