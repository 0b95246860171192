//! The one table of what the proof leaves out, each with its reason. Everything that is not in it is changed, drifted, replaced and deleted
//! against the emulated AWS, field by field.

/// What a field is excused from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// It has no second value that a wish could have.
    Change,
    /// Its other value stays once it is there, whether we or others wrote it.
    ComingBack,
}

/// Kind, field, what from, why.
pub const EXCUSED: &[(&str, &str, From, &str)] = &[
    ("aws.autoscaling_group", "refresh_min_healthy_percentage", From::Change, "says how a refresh goes, and AWS keeps it nowhere"),
    ("aws.autoscaling_group", "waits_for", From::Change, "says what has to be there first, and is no state of the group"),
    ("aws.db_instance", "log_groups", From::Change, "follows from the server's name and its exported logs"),
    ("aws.bundle", "folder", From::Change, "says where the file is for who uploads it, and is no state of the object"),
    ("aws.flow_log", "deliver_logs_status", From::Change, "has one value that can be wished"),
    ("aws.db_instance", "allocated_storage", From::ComingBack, "RDS grows a disk and never shrinks it: a larger one is no drift"),
    // Loosened by hand they are drift: `drift.rs` does that with calls of its own.
    ("aws.ec2_defaults", "ebs_encryption_by_default", From::Change, "an account's setting is only ever tightened: `false` leaves it"),
    ("aws.ec2_defaults", "http_tokens_required", From::Change, "an account's setting is only ever tightened: `false` leaves it"),
    ("aws.ec2_defaults", "image_block_public_access", From::Change, "an account's setting is only ever tightened: `false` leaves it"),
    ("aws.ec2_defaults", "snapshot_block_public_access", From::Change, "an account's setting is only ever tightened: `false` leaves it"),
    ("aws.nat_gateway", "internet_gateway", From::Change, "says what has to be there first, and is a fact of the VPC"),
    ("aws.record", "zone", From::Change, "a stack has one zone"),
    // One that somebody adds is drift: `drift.rs` adds one.
    ("aws.role", "inline_policies", From::Change, "has one value: none"),
    ("aws.trail", "include_management_events", From::Change, "has one value: all of them"),
];

/// Whether that field is excused from that.
pub fn is_excused(kind: &str, field: &str, from: From) -> bool {
    EXCUSED.iter().any(|(k, f, what, _)| (*k, *f, *what) == (kind, field, from))
}

#[test]
fn each_excuse_names_a_field_and_a_reason() {
    for (kind, field, _, reason) in EXCUSED {
        let known = reeve::kinds::lookup(kind).is_some_and(|row| row.info().fields.contains_key(*field));
        assert!(known && !reason.is_empty(), "{kind} {field}");
    }
}
