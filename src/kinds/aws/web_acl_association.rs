//! WebAclAssociation.

use crate::kinds::Named;

/// WebAclAssociation.
#[derive(Debug)]
pub struct WebAclAssociation;

impl Named for WebAclAssociation {
    const NAME: &'static str = "aws.web_acl_association";
}
