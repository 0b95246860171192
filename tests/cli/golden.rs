//! Plans as people read them, word for word: `tests/plans/`. After a change that is meant: `REEVE_GOLDEN=write cargo test --test cli golden`.

use std::path::Path;

use reeve::model::plan::Plan;
use reeve::view::plan::{Detail, human};
use reeve::view::words::{Words, drift};
use reeve::view::{Style, markdown::markdown};
use serde_json::json;

use crate::world::{World, at, to};

fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plans").join(name);
    if std::env::var_os("REEVE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let diff = similar::TextDiff::from_lines(&kept, text);
    assert!(kept == text, "{name} reads otherwise:\n{}", diff.unified_diff().context_radius(2));
}

fn both(name: &str, plan: &Plan, words: &Words) {
    golden(&format!("{name}.txt"), &human(plan, Style::default(), words, Detail::Telling));
    golden(&format!("{name}.md"), &markdown(plan, words));
}

/// Something of everything: creations, updates by change, drift and following, a replacement, deletions, a move, a refusal.
pub fn many() -> World {
    let mut world = World::files().applied();
    world.wish(
        "vpc.private/c",
        "aws.subnet",
        json!({ "vpc": to("vpc.vpc"), "availability_zone": "us-east-1c", "cidr_block": "10.20.32.0/20" }),
    );
    world.wish(
        "edge.alb_group",
        "aws.security_group",
        json!({ "vpc": to("vpc.vpc"), "description": "the balancer", "ingress": [
            { "ip_protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_ip": "0.0.0.0/0", "description": "HTTPS" },
            { "ip_protocol": "tcp", "from_port": 8000, "to_port": 8100, "group": to("vpc.app") }] }),
    );
    world.spec("vpc.private/a")["cidr_block"] = json!("10.20.64.0/20");
    world.shape("vpc.app")["ingress"] = json!([]);
    let moved = world.wishes.remove(&at("vpc.private/b")).unwrap();
    world.wishes.insert(at("vpc.inner/b"), reeve::plan::Wished { moved_from: vec![at("vpc.private/b")], ..moved });
    world.spec("files.mount/b")["subnet"] = json!(to("vpc.inner/b"));
    world
}

#[test]
fn a_first_plan() {
    let plan = World::files().plan();
    both("first", &plan, &Words::plan(&plan));
}

#[test]
fn a_plan_of_everything() {
    let plan = many().plan();
    both("many", &plan, &Words::plan(&plan));
}

#[test]
fn only_drift() {
    let (plan, words) = drift(many().plan());
    both("drift", &plan, &words);
    let (plan, words) = drift(World::network().applied().plan());
    both("no-drift", &plan, &words);
}

#[test]
fn refused_waiting_and_unreadable() {
    let mut world = World::files().applied();
    world.wishes.remove(&at("files.file_system"));
    for key in ["a", "b"] {
        world.wishes.remove(&at(&format!("files.mount/{key}")));
    }
    world.wish(
        "vpc.private/c",
        "aws.subnet",
        json!({ "vpc": to("vpc.vpc"), "availability_zone": "us-east-1c", "cidr_block": "10.20.32.0/20" }),
    );
    let plan = world.unreadable("aws.subnet").plan();
    both("refused", &plan, &Words::plan(&plan));
}

#[test]
fn destruction() {
    let mut world = World::files().applied();
    world.destroy = true;
    let plan = world.plan();
    both("destruction", &plan, &Words::plan(&plan));
}

#[test]
fn nothing() {
    let plan = World::network().applied().plan();
    both("nothing", &plan, &Words::plan(&plan));
}

#[test]
fn markdown_cannot_be_broken_out_of() {
    let evil = "`x`` | <img src=x onerror=alert(1)>\n\n# heading\n- item [link](http://evil.example) @team #1 $a$ </details>";
    let mut world = World::network().applied();
    world.spec("vpc.app")["description"] = json!(evil);
    let mut plan = world.plan();
    plan.stack = evil.into();
    plan.actions.iter_mut().for_each(|action| {
        action.reason = evil.into();
        action.kind = evil.into();
        action.id = Some(evil.into());
    });
    let text = markdown(&plan, &Words::plan(&plan));
    for line in text.lines() {
        let outside = outside_code(line);
        for markup in ["<img", "[link](", "@team", "onerror=alert(1)>", "$a$", "`"] {
            assert!(!outside.contains(markup), "{markup} got out: {line}");
        }
        assert!(
            ["#", "- **", "  - `", "**", "<details>", "</details>", "`"].iter().any(|start| line.is_empty() || line.starts_with(start)),
            "{line}"
        );
        assert!(!line.starts_with("# "), "{line}");
    }
}

/// What stands outside of code spans, as CommonMark reads them: a run of backticks is closed by the next run of the same length.
fn outside_code(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find('`') {
        out.push_str(&rest[..start]);
        let run = rest[start..].chars().take_while(|c| *c == '`').count();
        let mut after = &rest[start + run..];
        let close = loop {
            let Some(next) = after.find('`') else { break None };
            let length = after[next..].chars().take_while(|c| *c == '`').count();
            after = &after[next + length..];
            if length == run {
                break Some(after);
            }
        };
        match close {
            Some(after) => rest = after,
            None => {
                out.push_str(&rest[start..]);
                return out;
            }
        }
    }
    out + rest
}
