//! Working hours: when a tenant is not put to rest, whoever uses it or not.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZoneDatabase;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Days of the week and a time of the day, in a time zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// Days. Default: Monday to Friday.
    #[serde(default = "weekdays")]
    #[schemars(extend("minItems" = 1))]
    pub days: BTreeSet<Day>,
    /// From this time of the day, as `"07:00"`.
    #[schemars(regex(pattern = r"^([01]\d|2[0-3]):[0-5]\d$"), extend("x-form" = "HH:MM"))]
    pub from: String,
    /// Until this time of the day; where it is not after `from`, until that of the next day.
    #[schemars(regex(pattern = r"^([01]\d|2[0-3]):[0-5]\d$"), extend("x-form" = "HH:MM"))]
    pub to: String,
    /// The time zone, by its name in the IANA database. Default: `UTC`.
    #[serde(default = "utc")]
    pub zone: String,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

fn weekdays() -> BTreeSet<Day> {
    BTreeSet::from([Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri])
}

fn utc() -> String {
    "UTC".to_owned()
}

impl Day {
    fn of(day: Weekday) -> Self {
        match day {
            Weekday::Monday => Self::Mon,
            Weekday::Tuesday => Self::Tue,
            Weekday::Wednesday => Self::Wed,
            Weekday::Thursday => Self::Thu,
            Weekday::Friday => Self::Fri,
            Weekday::Saturday => Self::Sat,
            Weekday::Sunday => Self::Sun,
        }
    }
}

impl Hours {
    /// What of it makes no sense, by field.
    #[must_use]
    pub fn wrong(&self) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        for (field, text) in [("from", &self.from), ("to", &self.to)] {
            if time(text).is_none() {
                wrong.push((field, format!("`{text}` is no time of the day: write it as \"07:00\"")));
            }
        }
        if TimeZoneDatabase::bundled().get(&self.zone).is_err() {
            wrong.push(("zone", format!("there is no time zone `{}`: write it as America/Port-au-Prince", self.zone)));
        }
        wrong
    }

    /// Whether `at` is within them. What makes no sense covers everything: nobody is put to rest because of a mistake.
    #[must_use]
    pub fn cover(&self, at: Timestamp) -> bool {
        let zone = TimeZoneDatabase::bundled().get(&self.zone);
        let (Some(from), Some(to), Ok(zone)) = (time(&self.from), time(&self.to), zone) else { return true };
        let now = at.to_zoned_datetime(zone);
        let on = |day: Weekday| self.days.contains(&Day::of(day));
        let (today, time) = (now.weekday(), now.time());
        if from < to {
            return on(today) && from <= time && time < to;
        }
        on(today) && from <= time || on(today.previous()) && time < to
    }
}

fn time(text: &str) -> Option<Time> {
    Time::strptime("%H:%M", text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(from: &str, to: &str, zone: &str) -> Hours {
        Hours { days: weekdays(), from: from.into(), to: to.into(), zone: zone.into() }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn hours_are_those_of_the_place() {
        let haiti = hours("07:00", "17:30", "America/Port-au-Prince");
        assert!(haiti.cover(at("2026-11-30T12:00:00Z")), "Monday, 07:00");
        assert!(!haiti.cover(at("2026-11-30T11:59:00Z")) && !haiti.cover(at("2026-11-30T22:30:00Z")));
        assert!(!haiti.cover(at("2026-11-29T15:00:00Z")), "Sunday");
        assert_eq!(haiti.wrong(), []);
    }

    #[test]
    fn a_night_shift_ends_on_the_next_day() {
        let night = hours("22:00", "06:00", "UTC");
        assert!(night.cover(at("2026-12-04T23:00:00Z")), "Friday night");
        assert!(night.cover(at("2026-12-05T05:00:00Z")), "of which Saturday morning is a part");
        assert!(!night.cover(at("2026-12-05T23:00:00Z")), "Saturday night is none");
        assert!(!night.cover(at("2026-11-30T05:00:00Z")), "nor is Monday morning: Sunday night was free");
    }

    #[test]
    fn a_mistake_keeps_awake_and_is_told() {
        let wrong = hours("7", "25:00", "America/Atlantis");
        assert!(wrong.cover(at("2026-11-29T15:00:00Z")));
        assert_eq!(wrong.wrong().iter().map(|(field, _)| *field).collect::<Vec<_>>(), ["from", "to", "zone"]);
    }
}
