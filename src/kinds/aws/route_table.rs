//! RouteTable.

use crate::kinds::Named;

/// RouteTable.
#[derive(Debug)]
pub struct RouteTable;

impl Named for RouteTable {
    const NAME: &'static str = "aws.route_table";
}
