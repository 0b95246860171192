//! Taking a run away again: only what bears its stack's mark, or was made by AWS out of such a thing (a database's last snapshot and
//! retained backups, the objects in its buckets), is deleted.

use reeve::model::plan::{Plan, Scope};
use reeve::planes::Aws;

use crate::life::say;
use crate::support::{Estate, Wishes, changes};

/// Times that what is left is tried again: a network interface of a load balancer goes minutes after the load balancer.
const ROUNDS: u32 = 5;

/// Destroys until nothing is left. Answers what could not be deleted, and what goes later by itself.
pub async fn destroy(estate: &mut Estate) -> Remains {
    estate.wishes = Wishes::new();
    let mut remains = Remains::default();
    let mut unkept = Vec::new();
    for round in 1..=ROUNDS {
        let plan = match plan(estate).await {
            Ok(plan) => plan,
            Err(error) => {
                remains.left = vec![error];
                continue;
            }
        };
        remains.see(&plan);
        remains.left = changes(&plan);
        remains.left.extend(plan.refusals.iter().map(|one| format!("{}: {} ({})", one.address, one.reason, one.hint)));
        remains.left.extend(plan.waiting.iter().map(|one| format!("{}: {}", one.address, one.reason)));
        remains.left.extend(plan.unreadable.iter().map(|one| format!("{} could not be read: {}", one.kind, one.error)));
        if remains.left.is_empty() {
            break;
        }
        say(&format!("destroying, round {round}: {} to go", plan.changes().count()));
        empty_buckets(&estate.session.connection.aws, &plan)
            .await
            .unwrap_or_else(|error| say(&format!("a bucket could not be emptied: {error}")));
        let report = estate.walk(&plan, async |_| {}).await;
        report.failed.iter().for_each(|one| say(&format!("not deleted yet: {} {}", one.address, one.error)));
        // Its key stays as long as they are there.
        unkept.clear();
        for server in &remains.servers {
            if let Err(error) = delete_backups(&estate.session.connection.aws, server).await {
                unkept.push(format!("backups of the database server {server}: {error}"));
            }
        }
    }
    remains.left.extend(unkept);
    remains
}

/// Everything of the run may go, protected or not.
async fn plan(estate: &Estate) -> Result<Plan, String> {
    let plan = async |scope| estate.session.plan(&estate.wishes, scope, true, None).await.map_err(|error| error.to_string());
    let (seen, _) = plan(Scope::default()).await?;
    let (plan, _) =
        plan(Scope { allow_delete: seen.seen.into_keys().map(|address| address.to_string()).collect(), ..Scope::default() }).await?;
    Ok(plan)
}

/// What a destruction leaves.
#[derive(Default)]
pub struct Remains {
    /// In words; empty when all is gone.
    pub left: Vec<String>,
    keys: Vec<String>,
    servers: Vec<String>,
}

impl Remains {
    fn see(&mut self, plan: &Plan) {
        for seen in plan.seen.values() {
            let list = match seen.kind.as_str() {
                "aws.key" => &mut self.keys,
                "aws.db_instance" => &mut self.servers,
                _ => continue,
            };
            if !list.contains(&seen.id) {
                list.push(seen.id.clone());
            }
        }
    }

    /// Says what is left.
    pub fn tell(&self, run: &str) {
        if !self.keys.is_empty() {
            say(&format!("KMS keeps deleted keys for a while and bills nothing for them; scheduled: {}", self.keys.join(", ")));
        }
        say("left for good, as they hold no data of ours: the certificate's validation records in the zone");
        if self.left.is_empty() {
            say(&format!("nothing else of {run} is left"));
            return;
        }
        say(&format!("could not be deleted, and go on costing:\n  {}", self.left.join("\n  ")));
        say(&format!("try again with: make conformance-clean RUN={run}"));
    }
}

/// Empties the buckets that the plan deletes. reeve itself never does: a bucket's objects are somebody's, but these are a test's.
async fn empty_buckets(aws: &Aws, plan: &Plan) -> Result<(), String> {
    let gone = plan.changes().filter_map(|one| plan.seen.get(&one.address)).filter(|seen| seen.kind == "aws.bucket");
    for bucket in gone.map(|seen| &seen.id) {
        loop {
            let page = aws.s3.list_object_versions().bucket(bucket).max_keys(1000).send().await.map_err(words)?;
            let versions = page.versions().iter().map(|one| (one.key(), one.version_id()));
            let markers = page.delete_markers().iter().map(|one| (one.key(), one.version_id()));
            let all: Vec<_> = versions.chain(markers).collect();
            if all.is_empty() {
                break;
            }
            for (key, version) in all {
                let call = aws.s3.delete_object().bucket(bucket).set_key(key.map(Into::into)).set_version_id(version.map(Into::into));
                call.send().await.map_err(words)?;
            }
        }
    }
    Ok(())
}

/// Deletes the last snapshot and the retained backups of a deleted database server of the run.
async fn delete_backups(aws: &Aws, server: &str) -> Result<(), String> {
    let snapshots = aws.rds.describe_db_snapshots().db_instance_identifier(server).snapshot_type("manual");
    let listed = snapshots.send().await.map_err(words)?;
    let last = format!("{server}-final-");
    for name in listed.db_snapshots().iter().filter_map(|one| one.db_snapshot_identifier()).filter(|name| name.starts_with(&last)) {
        aws.rds.delete_db_snapshot().db_snapshot_identifier(name).send().await.map_err(words)?;
    }
    let kept = aws.rds.describe_db_instance_automated_backups().db_instance_identifier(server).send().await;
    for one in kept.map_err(words)?.db_instance_automated_backups() {
        let call = aws.rds.delete_db_instance_automated_backup().set_dbi_resource_id(one.dbi_resource_id().map(Into::into));
        call.send().await.map_err(words)?;
    }
    Ok(())
}

/// An error of the SDK in reeve's words: the service's code and message.
fn words(error: impl Into<reeve::planes::Error>) -> String {
    error.into().to_string()
}
