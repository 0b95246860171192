//! What has to fit together for the estate to work at all: policies of two sides, orders, names. AWS's pages decide, the emulated AWS does not
//! look.

use serde_json::Value;

use super::{Control, row};
use crate::estate::{Estate, anybody, holds, items, statements};

/// Buckets of others, without which hosts get no packages, no patches and no images.
///
/// Sources: <https://docs.aws.amazon.com/systems-manager/latest/userguide/patch-operations-s3-buckets.html>,
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/ssm-agent-technical-details.html#ssm-agent-minimum-s3-permissions>,
/// <https://docs.aws.amazon.com/linux/al2023/ug/ec2-vpc-endpoint-policy.html>,
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-minimum-s3-perms>.
const NEEDED: [&str; 12] = [
    "al2023-repos-us-east-1-de612dc2",
    "aws-ssm-us-east-1",
    "amazon-ssm-us-east-1",
    "amazon-ssm-packages-us-east-1",
    "us-east-1-birdwatcher-prod",
    "aws-ssm-document-attachments-us-east-1",
    "aws-ssm-distributor-file-us-east-1",
    "aws-patch-manager-us-east-1-1970c647d",
    "patch-baseline-snapshot-us-east-1",
    "patch-baseline-snapshot-us-east-1-123456789",
    "prod-us-east-1-starport-layer-bucket",
    "docker-images-prod",
];

/// Those of them that the hosts' own role has to be let into as well.
fn managing() -> impl Iterator<Item = &'static str> {
    NEEDED.into_iter().filter(|name| ["ssm", "birdwatcher", "snapshot", "patch"].iter().any(|word| name.contains(word)))
}

pub const CONTROLS: &[Control] = &[
    row(
        "hosts reach the buckets of others that they need",
        |e| {
            let way = e.of("aws.vpc_endpoint").into_iter().find(|(_, s)| s["vpc_endpoint_type"] == "Gateway");
            let reads = |bucket: &&str| {
                way.is_some_and(|(_, s)| statements(s, "policy_document").any(|one| anybody(one) && reads(one, bucket) && own_network(one)))
            };
            NEEDED.into_iter().filter(|bucket| !reads(bucket)).map(str::to_owned).collect()
        },
        ("vpc.endpoint/s3", "/policy_document/Statement/1/Resource/7", "\"arn:aws:s3:::other/*\""),
    ),
    row(
        "hosts may read what Systems Manager patches them with",
        |e| {
            let policy = spec(e, "aws.policy", "fleet.policy");
            let may = |bucket: &&str| statements(policy, "policy_document").any(|one| one["Effect"] == "Allow" && reads(one, bucket));
            managing().filter(|bucket| !may(bucket)).map(str::to_owned).collect()
        },
        ("fleet.policy", "/policy_document/Statement", "[]"),
    ),
    row(
        "no policy of their own lets hosts to the files: their door's does, and no other way is open",
        |e| {
            let own = |s: &Value| {
                statements(s, "policy_document").any(|one| one["Effect"] == "Allow" && one["Action"].to_string().contains(":Client"))
            };
            let mut wrong = e.each("aws.policy", |s| !own(s));
            wrong.extend(e.each("aws.file_system", |s| {
                let of_hosts = |effect: &str, test: &str| {
                    statements(s, "policy").any(|one| {
                        one["Effect"] == effect
                            && one["Principal"].to_string().contains("fleet.role")
                            && holds(&one["Action"], "elasticfilesystem:ClientMount")
                            && one["Condition"][test].to_string().contains("files.access_point")
                    })
                };
                of_hosts("Allow", "StringEquals") && of_hosts("Deny", "StringNotEquals")
            }));
            wrong
        },
        (
            "fleet.policy",
            "/policy_document/Statement/-",
            r#"{ "Effect": "Allow", "Action": ["elasticfilesystem:ClientMount"], "Resource": ["*"] }"#,
        ),
    ),
    row(
        "the trail's key lets CloudTrail decrypt, as its bucket has a bucket key",
        |e| {
            let key = spec(e, "aws.key", "observability.key");
            let lets = statements(key, "policy").any(|one| {
                holds(&one["Principal"]["Service"], "cloudtrail.amazonaws.com")
                    && ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*"].iter().all(|action| holds(&one["Action"], action))
            });
            if lets { vec![] } else { vec!["observability.key".to_owned()] }
        },
        ("observability.key", "/policy/Statement/2/Action", r#"["kms:GenerateDataKey*", "kms:DescribeKey"]"#),
    ),
    row(
        "the flow log may find and fill its group",
        |e| {
            let policy = spec(e, "aws.policy", "vpc.flow_log_policy");
            let may =
                |action: &&str| statements(policy, "policy_document").any(|one| one["Effect"] == "Allow" && holds(&one["Action"], action));
            let needed = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogGroups", "logs:DescribeLogStreams"];
            needed.into_iter().filter(|action| !may(action)).map(str::to_owned).collect()
        },
        ("vpc.flow_log_policy", "/policy_document/Statement/1", "{}"),
    ),
    row(
        "a backup or a copy that fails is told",
        |e| {
            let told = |metric: &&str| {
                let is = |s: &Value| {
                    s["namespace"] == "AWS/Backup"
                        && s["metric_name"] == *metric
                        && s["dimensions"]["BackupVaultName"].to_string().contains("backup.vault")
                        && s["alarm_actions"].to_string().contains("observability.topic")
                };
                e.any("aws.alarm", is).is_empty()
            };
            let metrics = ["NumberOfBackupJobsFailed", "NumberOfBackupJobsExpired", "NumberOfCopyJobsFailed"];
            metrics.into_iter().filter(|metric| !told(metric)).map(str::to_owned).collect()
        },
        ("observability.alarm/backups-failed", "/alarm_actions", "[]"),
    ),
    row(
        "hosts that come with their bundle say how many they are and replace each other, in groups of this stack alone",
        |e| {
            let changes = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"];
            let policy = spec(e, "aws.policy", "fleet.policy");
            let let_them = |action: &str| {
                let of = |one: &&Value| one["Effect"] == "Allow" && holds(&one["Action"], action);
                statements(policy, "policy_document").filter(of).collect::<Vec<_>>()
            };
            let own = |one: &&Value| !one["Condition"]["StringEquals"]["aws:ResourceTag/reeve:stack"].is_null();
            let bundled = !e.of("aws.bundle").is_empty();
            let wrong = changes.iter().filter(|action| {
                let lets = let_them(action);
                lets.is_empty() == bundled || !lets.iter().all(own)
            });
            wrong.map(|action| (*action).to_owned()).collect()
        },
        (
            "fleet.policy",
            "/policy_document/Statement/-",
            r#"{ "Effect": "Allow", "Action": "autoscaling:SetDesiredCapacity", "Resource": "*" }"#,
        ),
    ),
    row(
        "hosts open the parameters of the swarm and of whom to tell, and no tenant's",
        |e| {
            let policy = spec(e, "aws.policy", "fleet.policy");
            let opens = statements(policy, "policy_document").filter(|one| {
                let via = one["Condition"]["StringEquals"]["kms:ViaService"].to_string();
                one["Effect"] == "Allow" && holds(&one["Action"], "kms:Decrypt") && !via.contains("\"s3.")
            });
            let ends = ["/swarm/*", "/notify/*"];
            let wrong = opens.filter(|one| {
                let arns = one["Condition"]["StringLike"]["kms:EncryptionContext:PARAMETER_ARN"].as_array();
                !arns.is_some_and(|all| all.iter().all(|arn| arn.as_str().is_some_and(|arn| ends.iter().any(|end| arn.ends_with(end)))))
            });
            wrong.map(ToString::to_string).collect()
        },
        ("fleet.policy", "/policy_document/Statement/1/Condition/StringLike", "{}"),
    ),
    row(
        "hosts write nothing to any bucket but what their edge keeps in the stack's record, and read nothing there but that and what they are told",
        |e| {
            let policy = spec(e, "aws.policy", "fleet.policy");
            let own = ["/loop/edge.json", "/loop/edge-notices.json", "/loop/edges/*"];
            let told = ["/bundles/*", "/reeve/hosts.json"];
            let mut wrong = Vec::new();
            for one in statements(policy, "policy_document").filter(|one| one["Effect"] == "Allow" && one["Sid"] != "SystemsManagerBuckets")
            {
                let writes = ["s3:Put", "s3:Delete", "s3:*"].iter().any(|action| one["Action"].to_string().contains(action));
                let touches = writes || one["Action"].to_string().contains("s3:GetObject");
                let resources = &one["Resource"];
                let all = resources.as_array().map_or(std::slice::from_ref(resources), Vec::as_slice);
                let is_known = |arn: &Value| {
                    let arn = arn.as_str().unwrap_or_default();
                    own.iter().any(|end| arn.ends_with(end)) || !writes && told.iter().any(|end| arn.ends_with(end))
                };
                if touches && !all.iter().all(is_known) {
                    wrong.push(one.to_string());
                }
            }
            wrong
        },
        ("fleet.policy", "/policy_document/Statement/-", r#"{ "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*" }"#),
    ),
    row(
        "hosts start when their ways out and their files' doors are ready",
        |e| {
            let ready = |s: &Value| {
                let all = s["waits_for"].to_string();
                let tables = e.of("aws.route_table").into_iter().filter(|(_, table)| table["subnets"].to_string().contains("vpc.private/"));
                let around = ["aws.network_acl", "aws.vpc_endpoint", "aws.mount_target"].into_iter().flat_map(|kind| e.of(kind));
                tables.chain(around).all(|(address, _)| all.contains(&format!("ref(\\\"{address}\\\")")))
            };
            e.each("aws.autoscaling_group", ready)
        },
        ("fleet.managers", "/waits_for/mount_targets/0", "\"\""),
    ),
    row(
        "each log that the server exports has a group of ours under the server's own name",
        |e| {
            e.each("aws.db_instance", |s| {
                let groups = e.of("aws.log_group");
                items(s, "enable_cloudwatch_logs_exports").filter_map(Value::as_str).all(|log| {
                    let name = format!("/aws/rds/instance/${{ref(\"database.server\").name}}/{log}");
                    groups.iter().any(|(at, group)| {
                        group["log_group_name"] == name.as_str() && holds(&s["log_groups"], &format!("${{ref(\"{at}\")}}"))
                    })
                })
            })
        },
        ("database.log/error", "/log_group_name", "\"/aws/rds/instance/hostedehr-database-server/error\""),
    ),
];

/// The spec at an address.
fn spec<'e>(estate: &'e Estate, kind: &str, address: &str) -> &'e Value {
    estate.of(kind).into_iter().find(|(at, _)| *at == address).map_or(&Value::Null, |(_, spec)| spec)
}

/// Whether a statement is about reading `bucket`.
fn reads(statement: &Value, bucket: &str) -> bool {
    let resources = &statement["Resource"];
    let all = resources.as_array().map_or(std::slice::from_ref(resources), Vec::as_slice);
    holds(&statement["Action"], "s3:GetObject")
        && all.iter().filter_map(Value::as_str).any(|arn| {
            let named = arn.rsplit(":::").next().and_then(|named| named.strip_suffix("/*")).unwrap_or_default();
            named == bucket || named.strip_suffix('*').is_some_and(|front| front.ends_with('-') && bucket.starts_with(front))
        })
}

fn own_network(statement: &Value) -> bool {
    statement["Condition"]["StringEquals"]["aws:SourceVpc"].to_string().contains("vpc.vpc")
}
