//! DbEventSubscription.

use crate::kinds::Named;

/// DbEventSubscription.
#[derive(Debug)]
pub struct DbEventSubscription;

impl Named for DbEventSubscription {
    const NAME: &'static str = "aws.db_event_subscription";
}
