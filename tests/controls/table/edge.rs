//! The way in: ELB, WAF, ACM.

use super::{Control, row};
use crate::estate::items;

pub const CONTROLS: &[Control] = &[
    // ELB
    row(
        "elbv2_deletion_protection, ELB.6",
        |e| e.each("aws.load_balancer", |s| s["deletion_protection"] == true),
        ("edge.alb", "/deletion_protection", "false"),
    ),
    row(
        "elbv2_logging_enabled, ELB.5",
        |e| e.each("aws.load_balancer", |s| s["access_logs"]["bucket"].is_string()),
        ("edge.alb", "/access_logs", "null"),
    ),
    row(
        "elbv2_ssl_listeners, ELB.1",
        |e| {
            e.each("aws.listener", |s| {
                s["protocol"] == "HTTPS"
                    || (s["default_action"]["type"] == "redirect" && s["default_action"]["redirect"]["protocol"] == "HTTPS")
            })
        },
        ("edge.http", "/default_action/type", "\"forward\""),
    ),
    row(
        "elbv2_insecure_ssl_ciphers, elbv2_listener_fips_tls, elbv2_listener_pqc_tls",
        |e| e.each("aws.listener", |s| s["protocol"] == "HTTP" || s["ssl_policy"] == "ELBSecurityPolicy-TLS13-1-2-FIPS-PQ-2025-09"),
        ("edge.https", "/ssl_policy", "\"ELBSecurityPolicy-2016-08\""),
    ),
    row(
        "elbv2_drop_invalid_header_fields, ELB.4",
        |e| e.each("aws.load_balancer", |s| s["drop_invalid_header_fields"] == true),
        ("edge.alb", "/drop_invalid_header_fields", "false"),
    ),
    row(
        "elbv2_desync_mitigation_mode, ELB.12",
        |e| e.each("aws.load_balancer", |s| ["defensive", "strictest"].contains(&s["desync_mitigation_mode"].as_str().unwrap_or_default())),
        ("edge.alb", "/desync_mitigation_mode", "\"monitor\""),
    ),
    row(
        "elbv2_is_in_multiple_az, ELB.13",
        |e| e.each("aws.load_balancer", |s| items(s, "subnets").count() > 1),
        ("edge.alb", "/subnets", "[]"),
    ),
    row(
        "elbv2_waf_acl_attached, ELB.16",
        |e| e.unnamed("aws.load_balancer", "aws.web_acl_association", "resource"),
        ("edge.web_acl_association", "/resource", "null"),
    ),
    row(
        "the way from the load balancer to the hosts is encrypted",
        |e| e.each("aws.target_group", |s| s["protocol"] == "HTTPS"),
        ("edge.target", "/protocol", "\"HTTP\""),
    ),
    // WAF
    row(
        "wafv2_webacl_logging_enabled, WAF.11",
        |e| e.unnamed("aws.web_acl", "aws.web_acl_logging", "web_acl"),
        ("edge.web_acl_logging", "/web_acl", "null"),
    ),
    row(
        "wafv2_webacl_with_rules, wafv2_webacl_managed_rule_groups_enabled",
        |e| {
            e.each("aws.web_acl", |s| {
                [
                    "AWSManagedRulesKnownBadInputsRuleSet",
                    "AWSManagedRulesAnonymousIpList",
                    "AWSManagedRulesCommonRuleSet",
                    "AWSManagedRulesSQLiRuleSet",
                    "AWSManagedRulesAmazonIpReputationList",
                ]
                .iter()
                .all(|group| items(s, "rules").any(|one| one["managed_rule_group"]["name"] == *group))
                    && items(s, "rules").any(|one| one["rate_based"].is_object())
            })
        },
        ("edge.web_acl", "/rules", "[]"),
    ),
    // ACM
    row(
        "acm_certificates_with_secure_key_algorithms, ACM.2",
        |e| {
            e.each("aws.certificate", |s| {
                ["RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1"]
                    .contains(&s["key_algorithm"].as_str().unwrap_or_default())
            })
        },
        ("edge.certificate", "/key_algorithm", "\"RSA_1024\""),
    ),
    row(
        "acm_certificates_expiration_check, ACM.1 (its record stays, so AWS renews it)",
        |e| e.any("aws.record", |s| s["type"] == "CNAME" && s["keep"] == true && s["name"].to_string().contains("validation_name")),
        ("edge.validation", "/keep", "false"),
    ),
    row(
        "one certificate covers apex and wildcard (S8)",
        |e| {
            e.each("aws.certificate", |s| {
                items(s, "subject_alternative_names")
                    .any(|one| one.as_str() == s["domain_name"].as_str().map(|name| format!("*.{name}")).as_deref())
            })
        },
        ("edge.certificate", "/subject_alternative_names", "[]"),
    ),
];
