//! LaunchTemplate.

use crate::kinds::Named;

/// LaunchTemplate.
#[derive(Debug)]
pub struct LaunchTemplate;

impl Named for LaunchTemplate {
    const NAME: &'static str = "aws.launch_template";
}
