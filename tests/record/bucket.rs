//! The record in S3.
