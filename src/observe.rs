//! Reads everything that is ours, all kinds side by side. A failed read is not absence.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use futures::stream;

use crate::kinds::aws::lookups::{self, Zone};
use crate::kinds::{AnyLive, Named, Ready, Row, lookup, rows};
use crate::model::Stranger;
use crate::model::plan::{Unobserved, Unreadable};
use crate::planes::Planes;

/// What is.
#[derive(Debug, Clone, Default, Hash)]
pub struct Observed {
    /// Every live object of the stack, of every kind that could be read whole.
    pub live: Vec<AnyLive>,
    /// What was looked up (its marks hold the look-up's address).
    pub lookups: Vec<AnyLive>,
    /// Kinds that could not be read whole.
    pub unreadable: Vec<Unreadable>,
    /// Objects that ours refer to, that bear no mark of ours, and that do exist: kind and id.
    pub unmarked: BTreeSet<(String, String)>,
    /// Those of them that AWS is going to delete and that can be had back until then, and the words for that.
    pub doomed: BTreeMap<(String, String), String>,
    /// What is not ours and has a name that one of ours could have, as far as the listings show it.
    pub strangers: BTreeSet<Stranger>,
    /// Kinds that nobody asked about: of planes that there is no way to, or that are outside the scope. Nothing is known of them.
    pub beyond: BTreeSet<&'static str>,
    /// What whoever reads the plan has to know.
    pub notes: BTreeSet<String>,
    /// The planes that there is no way to.
    pub unobserved: Vec<Unobserved>,
}

/// How many kinds are read at a time. Rates are the wire's business; this only bounds memory and sockets.
const SIDE_BY_SIDE: usize = 64;

/// Reads all kinds of `planes` that `wanted` names (empty: all), those that they refer to, and those in `also`: what wishes on these planes
/// name in texts.
pub async fn observe(planes: &Planes, wanted: &BTreeSet<String>, also: &BTreeSet<&str>) -> Observed {
    let planes = &planes.fresh();
    let closed = planes.closed();
    let is_open = |row: &Row| !closed.iter().any(|(name, _)| *name == row.plane());
    let asked = asked(wanted);
    let is_asked = |row: &Row| asked.contains(row.name) || also.contains(row.name);
    let (rows, beyond): (Vec<&'static Row>, Vec<&'static Row>) = rows().partition(|row| is_asked(row) && is_open(row));
    let (mut observed, looked_up) = futures::join!(read(planes, &rows), lookups::zone(&planes.aws));
    observed.beyond = beyond.iter().map(|row| row.name).collect();
    observed.lookups.push(lookups::account(&planes.aws));
    match looked_up {
        Ok(zone) => observed.lookups.push(zone),
        Err(error) => observed.unreadable.push(Unreadable { kind: Zone::NAME.into(), error: error.to_string() }),
    }
    unmarked(planes, &mut observed).await;
    observed.strangers = planes.strangers();
    observed.notes = planes.notes();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.contains(name);
    let unobserved = closed.iter().filter(|(name, _)| is_wanted(name));
    observed.unobserved = unobserved.map(|(name, why)| Unobserved { plane: (*name).to_owned(), reason: (*why).to_owned() }).collect();
    observed.live.sort_by(|a, b| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
    observed.unreadable.sort();
    observed
}

/// The kinds of the planes that are wanted, and the kinds that those refer to.
fn asked(wanted: &BTreeSet<String>) -> BTreeSet<&'static str> {
    let of_planes: Vec<&'static Row> = rows().filter(|row| wanted.is_empty() || wanted.contains(row.plane())).collect();
    let referred = of_planes.iter().flat_map(|row| row.info().refers_to.iter()).filter_map(|kind| lookup(kind));
    referred.chain(of_planes.iter().copied()).map(|row| row.name).collect()
}

async fn read(planes: &Planes, rows: &[&'static Row]) -> Observed {
    let mut observed = Observed::default();
    let mut reads = stream::iter(rows).map(|row| async move { (row.name, (row.fetch)(planes).await) }).buffer_unordered(SIDE_BY_SIDE);
    while let Some((kind, result)) = reads.next().await {
        match result {
            Ok(live) => observed.live.extend(live),
            Err(error) => observed.unreadable.push(Unreadable { kind: kind.to_owned(), error: error.to_string() }),
        }
    }
    observed
}

/// What ours refer to though nothing of ours bears that id: asks for each whether it exists. On a healthy estate there is nothing to ask. A
/// question that is not answered makes the kind unreadable: a failed read is not absence.
async fn unmarked(planes: &Planes, observed: &mut Observed) {
    let unread: BTreeSet<&str> = observed.unreadable.iter().map(|one| one.kind.as_str()).collect();
    let ours: BTreeSet<(&str, &str)> = observed.live.iter().map(|one| (one.kind, one.id.as_str())).collect();
    let mut dangling: BTreeSet<(&'static str, String)> = BTreeSet::new();
    for one in &observed.live {
        let Some(row) = lookup(one.kind) else { continue };
        row.info().visit(&one.shape, &mut |leaf, id| {
            if let Some(kind) = leaf.kind.and_then(lookup)
                && !unread.contains(kind.name)
                && !observed.beyond.contains(kind.name)
                && !ours.contains(&(kind.name, id))
            {
                dangling.insert((kind.name, id.to_owned()));
            }
        });
    }
    let mut answers = stream::iter(dangling)
        .map(|(kind, id)| async move {
            let answer = match lookup(kind) {
                Some(row) => (row.ready)(planes, id.clone()).await.map(|ready| match ready {
                    Ready::Failed(why) if !row.reprieve.is_empty() => Some(why),
                    _ => None,
                }),
                None => Ok(None),
            };
            (kind, id, answer)
        })
        .buffer_unordered(SIDE_BY_SIDE);
    let mut unanswered: BTreeMap<&str, String> = BTreeMap::new();
    while let Some((kind, id, answer)) = answers.next().await {
        match answer {
            Ok(doom) => {
                let key = (kind.to_owned(), id);
                observed.doomed.extend(doom.map(|why| (key.clone(), why)));
                observed.unmarked.insert(key);
            }
            Err(error) if error.is_not_found() => {}
            Err(error) => drop(unanswered.insert(kind, format!("{id}: {error}"))),
        }
    }
    observed.unreadable.extend(unanswered.into_iter().map(|(kind, error)| Unreadable { kind: kind.to_owned(), error }));
}
