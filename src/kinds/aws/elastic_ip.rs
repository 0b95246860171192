//! ElasticIp.

use crate::kinds::Named;

/// ElasticIp.
#[derive(Debug)]
pub struct ElasticIp;

impl Named for ElasticIp {
    const NAME: &'static str = "aws.elastic_ip";
}
