//! Reading a stack: from text to resources, and from mistakes to words.

#[path = "desired/at_once.rs"]
mod at_once;
#[path = "desired/hostile.rs"]
mod hostile;
#[path = "desired/mistakes.rs"]
mod mistakes;
#[path = "desired/origins.rs"]
mod origins;
#[path = "desired/properties.rs"]
mod properties;
#[path = "desired/readme.rs"]
mod readme;
#[path = "desired/support.rs"]
mod support;

use std::path::Path;

use reeve::desired::quantity::Duration;
use reeve::desired::{self, Desired, SourceFile};
use support::{address, example, file, load, stack_with, toy};

fn loaded(files: &[SourceFile]) -> Desired {
    load(files).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn the_example_expands_with_its_defaults() {
    let desired = loaded(&[example("stack.yaml"), example("tenants/clinics.yaml")]);
    assert_eq!(desired.stack.name, "hostedehr");
    assert_eq!(
        desired.tenants.iter().map(|tenant| tenant.name.as_str()).collect::<Vec<_>>(),
        ["ckwc", "closed-clinic", "hopital-sacre-coeur"]
    );
    let addresses: Vec<&str> = desired.resources.keys().map(|address| address.as_str()).collect();
    assert_eq!(addresses, ["tenant/ckwc.logs", "tenant/hopital-sacre-coeur.logs", "vpc.logs/a", "vpc.logs/b", "vpc.logs/c", "vpc.vpc"]);
    let vpc = &desired.resources[&address("vpc.vpc")];
    assert_eq!(vpc.spec, serde_json::json!({ "cidr_block": "10.20.0.0/16", "enable_dns_hostnames": true, "enable_dns_support": true }));
    assert_eq!((vpc.protect, vpc.moved_from.as_slice()), (false, [address("vpc.main")].as_slice()));
    assert_eq!(vpc.place.file.as_ref(), "toy.yaml");
    assert_eq!(desired.resources[&address("vpc.logs/b")].spec["log_group_name"], "/hostedehr/b-abc");
    assert_eq!(desired.resources[&address("tenant/ckwc.logs")].spec["log_group_name"], "/hostedehr/ckwc");
}

#[test]
fn only_name_region_domain_and_one_image_are_needed() {
    let desired = loaded(&[file("s.yaml", support::SMALLEST)]);
    assert_eq!(desired.resources[&address("vpc.vpc")].spec["cidr_block"], "10.0.0.0/16");
    assert_eq!(desired.resources.len(), 2, "the VPC, and the one log group that `when` leaves");
    assert_eq!(desired.stack.spec.idle.after.to_string(), "14d");
}

#[test]
fn how_the_fleet_scales_has_its_defaults_and_each_can_be_written_alone() {
    let scaling = |lines: &str| loaded(&[stack_with(lines)]).stack.spec.scaling;
    let default = scaling("");
    let said = serde_json::to_value(&default).unwrap();
    let wanted = serde_json::json!({
        "spare": 0.1, "quiet": 1_800, "linger": 28_800, "join": 900, "worker_down": 300, "manager_down": 900
    });
    assert_eq!(said, wanted);
    let written = scaling("  scaling: { linger: 2h, spare: 0 }\n");
    assert_eq!((written.linger, written.spare, written.quiet), (Duration(7200), 0.0, default.quiet));
}

#[test]
fn a_region_that_is_not_in_the_list_is_a_warning_and_one_that_cannot_be_is_a_mistake() {
    let with = |region: &str, more: &str| load(&[file("s.yaml", &format!("{}{more}", support::SMALLEST.replace("us-east-1", region)))]);
    assert_eq!(with("us-gov-west-1", "").unwrap().warnings, Vec::<String>::new());
    for region in ["eu-west-9", "mx-north-2", "us-gov-central-1"] {
        let warnings = with(region, "").unwrap().warnings;
        assert!(warnings.len() == 1 && warnings[0].contains(region) && warnings[0].contains("2026"), "{warnings:?}");
    }
    for region in ["us-eats-1", "moon-east-1", "us-east", "us-east-", "us-east-0", "us-east-11", "useast1", "cn-north-1"] {
        let words = with(region, "").unwrap_err().to_string();
        assert!(words.contains(&format!("there is no region `{region}`")), "{words}");
    }
}

#[test]
fn a_folder_is_read_at_any_depth_without_hidden_names_and_links_out() {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    put("stack.yaml", support::SMALLEST);
    put("a/b/c/tenants.yml", "");
    put(
        "a/b/module.yml",
        "apiVersion: reeve/v1\nkind: Module\nmetadata: { name: extra }\nspec: { resources: { a: { kind: aws.vpc, spec: { cidr_block: 10.0.0.0/16 } } } }\n",
    );
    put(".git/broken.yaml", "kind: [");
    put("a/notes.txt", "kind: [");
    let (files, problems) = desired::folder::files(dir.path());
    assert!(problems.is_empty(), "{problems}");
    let desired = loaded(&files);
    assert!(desired.resources.contains_key(&address("extra.a")));
    let outside = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    std::os::unix::fs::symlink(outside.path(), dir.path().join("out.yaml")).unwrap();
    std::os::unix::fs::symlink(dir.path(), dir.path().join("a/circle")).unwrap();
    let (_, problems) = desired::folder::files(dir.path());
    assert_eq!(problems.count(), 1, "{problems}");
    assert!(problems.to_string().contains("link out of the folder"), "{problems}");
    assert!(desired::load(Path::new("/nowhere/at/all")).is_err());
}

#[test]
fn fields_know_where_they_were_written() {
    let desired = loaded(&[file("s.yaml", support::SMALLEST)]);
    let vpc = &desired.resources[&address("vpc.vpc")];
    let line = |field: &str| toy().text.lines().nth(vpc.place_of(field).line as usize - 1).unwrap().trim().to_owned();
    assert_eq!(line("cidr_block"), "cidr_block: ${cidr}");
    assert_eq!(line("no_such_field"), "vpc:");
}

#[test]
fn every_module_of_the_program_is_compiled_in_and_right() {
    let modules = desired::modules(None).unwrap_or_else(|problems| panic!("{problems}"));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("modules");
    let names = std::fs::read_dir(folder).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        (path.extension()? == "yaml").then(|| path.file_stem().unwrap().to_string_lossy().into_owned())
    });
    for name in names {
        assert!(modules.contains_key(&name), "modules/{name}.yaml is not in the list of src/desired/builtin.rs");
    }
}

#[test]
fn the_example_is_a_whole_estate_with_the_modules_of_the_program() {
    let desired =
        desired::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("desired/hostedehr")).unwrap_or_else(|problems| panic!("{problems}"));
    for module in ["vpc", "edge", "database", "files", "fleet", "observability", "backup", "routing", "tenant/ckwc"] {
        assert!(desired.resources.keys().any(|address| address.module() == module), "{module} makes nothing");
    }
}

#[test]
fn what_the_stack_says_was_renamed_has_its_old_addresses() {
    let moved = "  moved: [{ from: vpc.old, to: vpc.vpc }, { from: net, to: vpc }, { from: vpc.older, to: vpc.old }]\n";
    let desired = loaded(&[support::stack_with(moved)]);
    let before = |text| desired.resources[&address(text)].moved_from.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut vpc = before("vpc.vpc");
    vpc.sort();
    assert_eq!(vpc, ["net.old", "net.older", "net.vpc", "vpc.main", "vpc.old", "vpc.older"], "also by way of one another");
    assert!(before("vpc.logs/a").contains(&"net.logs/a".to_owned()), "{:?}", before("vpc.logs/a"));

    for (rule, words) in [
        ("{ from: tenant/old, to: tenant/new }", "nothing is called `tenant/new`, so nothing can have moved there"),
        ("{ from: vpc.vpc, to: vpc.logs }", "no problem"),
        ("{ from: vpc.logs/a, to: vpc.vpc }", "`vpc.logs/a` is still wished, so it cannot have moved to `vpc.vpc`"),
        ("{ from: \"a//b\", to: vpc.vpc }", "`a//b` is no address and no front part of one"),
    ] {
        let told = support::problems(&[support::stack_with(&format!("  moved: [{rule}]\n"))]);
        assert!(told.contains(words), "{rule}: {told}");
    }
}

#[test]
fn ten_thousand_tenants_are_within_what_a_load_may_cost() {
    let stack = file("stack.yaml", &std::fs::read_to_string("desired/hostedehr/stack.yaml").unwrap());
    let tenant = |number: usize| {
        format!(
            "apiVersion: reeve/v1\nkind: Tenant\nmetadata: {{ name: clinic-{number} }}\nspec:\n  distribution: refapp\n  country: US\n  admin_email: \
             admin@clinic.example\n---\n"
        )
    };
    let desired = desired::load_sources(&[stack, file("tenants.yaml", &(0..10_000).map(tenant).collect::<String>())]);
    let desired = desired.unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(desired.tenants.len(), 10_000);
    assert!(desired.resources.len() > 60_000, "{}", desired.resources.len());
}
