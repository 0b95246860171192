//! What a kind finds wrong in a value is shown where the operator wrote it; the module's template is named after it.

use reeve::desired::{self, SourceFile};

use crate::support::{example, file, problems, stack_with};

/// The example estate over the built-in modules, with one text replaced.
fn hostedehr(from: &str, to: &str) -> String {
    let mut files = [example("stack.yaml"), example("tenants/clinics.yaml")];
    assert!(files[0].text.contains(from), "{from}");
    files[0].text = files[0].text.replacen(from, to, 1);
    desired::load_sources(&files).map_or_else(|problems| problems.to_string(), |_| "no problem".to_owned())
}

/// A module beside a stack with these lines.
fn module(stack: &str, module: &str) -> String {
    let module = format!("apiVersion: reeve/v1\nkind: Module\nmetadata: {{ name: extra }}\nspec:\n{module}");
    problems(&[stack_with(stack), file("m.yaml", &module)])
}

fn tenants(text: &str, module: &str) -> String {
    let module = format!("apiVersion: reeve/v1\nkind: Module\nmetadata: {{ name: tenant }}\nspec:\n{module}");
    let files: Vec<SourceFile> = vec![stack_with("  residency: { allow: [US] }\n"), file("t.yaml", text), file("m.yaml", &module)];
    problems(&files)
}

#[test]
fn mistakes_of_kinds_stand_at_the_operators_field() {
    let logs = |days: &str| {
        format!(
            "  resources:\n    log:\n      kind: aws.log_group\n      spec:\n        log_group_name: /x\n        retention_in_days: {days}\n"
        )
    };
    let days = "  inputs:\n    days: { type: integer, default: 30 }\n";
    let subnets = "  inputs:\n    wide: { type: cidr, default: 10.0.0.0/16 }\n    blocks: { type: map, values: { type: cidr }, default: {} }\n  resources:\n    vpc: { kind: aws.vpc, spec: { cidr_block: '${wide}' } }\n    net:\n      for_each: ${blocks}\n      kind: aws.subnet\n      spec: { vpc: '${ref(\"extra.vpc\")}', availability_zone: us-east-1a, cidr_block: '${each.value}' }\n";
    let tenant = |name: &str, email: &str| {
        format!(
            "apiVersion: reeve/v1\nkind: Tenant\nmetadata: {{ name: {name} }}\nspec: {{ distribution: refapp, country: US, admin_email: {email} }}\n"
        )
    };
    let golden = [
        ("an instance class that is none", hostedehr("class: db.r6g.large", "class: r6g.large")),
        ("backups kept for 99 days", hostedehr("backup_days: 35", "backup_days: 99")),
        ("a schedule that is none", hostedehr("  fleet:\n", "  fleet:\n    patch_schedule: sundays at 9\n")),
        ("a name that only the kind refuses", hostedehr("    multi_az: true", "    multi_az: true\n    administrator: rdsrepladmin")),
        ("a value as it is", module("  extra: { days: 8 }\n", &format!("{days}{}", logs("${days}")))),
        (
            "a value of a let of a let",
            module(
                "  extra: { days: 8 }\n",
                &format!("{days}  let:\n    one: ${{days + 0}}\n    two: ${{one}}\n{}", logs("${two + one - one}")),
            ),
        ),
        ("another section's value", module("  database: { backup_days: 8 }\n", &logs("${stack.database.backup_days}"))),
        (
            "two values",
            module(
                "  extra: { days: 4 }\n  database: { backup_days: 4 }\n",
                &format!("{days}{}", logs("${days + stack.database.backup_days}")),
            ),
        ),
        ("a default is the module's own mistake", module("", &format!("{}{}", days.replace("30", "8"), logs("${days}")))),
        ("a number in the template too", module("  extra: { days: 8 }\n", &format!("{days}{}", logs("8")))),
        ("an expression that fails on it", module("  extra: { days: 0 }\n", &format!("{days}{}", logs("${30 / days}")))),
        ("what for_each goes over", module("  extra: { blocks: { a: 10.0.0.0/24, b: 10.0.0.0/25, c: 192.168.0.0/24 } }\n", subnets)),
        (
            "a tenant's value",
            tenants(
                &format!("{}---\n{}", tenant("fine", "a@b.example"), tenant("odd", "a@b.example")),
                "  resources:\n    log: { kind: aws.log_group, spec: { log_group_name: /x, retention_in_days: '${tenant.name == \"odd\" ? 8 : 30}' } }\n",
            ),
        ),
    ];
    let text: String = golden.iter().map(|(what, said)| format!("## {what}\n{said}\n\n")).collect();
    insta::assert_snapshot!("origins", text);
}

#[test]
fn a_ladder_of_lets_is_climbed_once() {
    let mut lets = String::from("  let:\n    a0: ${days}\n    a1: ${days}\n");
    (2..40).for_each(|n| lets.push_str(&format!("    a{n}: '${{a{} > 0 ? a{} : 1}}'\n", n - 1, n - 2)));
    let spec = "  resources:\n    log: { kind: aws.log_group, spec: { log_group_name: /x, retention_in_days: '${a39}' } }\n";
    let said = module("  extra: { days: 8 }\n", &format!("  inputs:\n    days: {{ type: integer }}\n{lets}{spec}"));
    assert!(said.starts_with("s.yaml:"), "{said}");
}
