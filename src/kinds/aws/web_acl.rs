//! WebAcl.

use crate::kinds::Named;

/// WebAcl.
#[derive(Debug)]
pub struct WebAcl;

impl Named for WebAcl {
    const NAME: &'static str = "aws.web_acl";
}
