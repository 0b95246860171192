//! WebAclLogging.

use crate::kinds::Named;

/// WebAclLogging.
#[derive(Debug)]
pub struct WebAclLogging;

impl Named for WebAclLogging {
    const NAME: &'static str = "aws.web_acl_logging";
}
