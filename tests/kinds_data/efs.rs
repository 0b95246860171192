//! File systems, mount targets and access points.

use reeve::kinds::aws::access_point::AccessPoint;
use reeve::kinds::aws::file_system::FileSystem;
use reeve::kinds::aws::mount_target::MountTarget;
use serde_json::json;

use crate::support::{Life, account, network, wish};

#[tokio::test]
async fn a_file_system_its_targets_and_doors_live() {
    let aws = account("files").await;
    let net = network(&aws).await;
    let [files, mount, door] = ["files.file_system", "files.mount/a", "files.access_point"].map(|address| Life { aws: &aws, address });
    let key = aws.kms.create_key().send().await.unwrap().key_metadata.unwrap().arn.unwrap();
    let policy = json!({ "Version": "2012-10-17", "Statement": [{ "Sid": "tls", "Effect": "Deny", "Principal": { "AWS": "*" },
        "Action": "*", "Resource": "*", "Condition": { "Bool": { "aws:SecureTransport": false } } }] });
    let made = files
        .lives::<FileSystem>(&[
            wish(json!({ "kms_key": key, "policy": policy, "lifecycle_policies": { "transition_to_ia": "AFTER_30_DAYS" } })),
            wish(json!({ "kms_key": key, "throughput_mode": "provisioned", "provisioned_throughput_in_mibps": 64.0, "backup": false,
                "lifecycle_policies": { "transition_to_ia": "AFTER_60_DAYS", "transition_to_archive": "AFTER_180_DAYS",
                    "transition_to_primary_storage_class": true } })),
            wish(json!({ "kms_key": key, "throughput_mode": "bursting" })),
        ])
        .await;
    let target = mount
        .lives::<MountTarget>(&[
            wish(json!({ "file_system": made.id, "subnet": net.subnets[0], "security_groups": [net.groups[0]] })),
            wish(json!({ "file_system": made.id, "subnet": net.subnets[0], "security_groups": net.groups })),
        ])
        .await;
    let point = door
        .lives::<AccessPoint>(&[wish(json!({
            "file_system": made.id, "posix_user": { "uid": 1001, "gid": 1001, "secondary_gids": [7] },
            "root_directory": { "path": "/tenants", "creation_info": { "owner_uid": 1001, "owner_gid": 1001, "permissions": "0750" } },
        }))])
        .await;
    door.dies::<AccessPoint>(&point.id).await;
    mount.dies::<MountTarget>(&target.id).await;
    files.dies::<FileSystem>(&made.id).await;
}
