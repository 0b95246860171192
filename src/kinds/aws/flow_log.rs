//! FlowLog.

use crate::kinds::Named;

/// FlowLog.
#[derive(Debug)]
pub struct FlowLog;

impl Named for FlowLog {
    const NAME: &'static str = "aws.flow_log";
}
