//! Whether anybody wants traces, and where they go: <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/> and
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>. Pure: the environment is an argument.

use std::time::Duration;

/// Where they go when it is said that they go, and not where.
const HERE: &str = "http://localhost:4318";
/// How long one delivery may take, when nobody says.
const LIMIT: Duration = Duration::from_secs(10);

/// Where traces go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Host and port, for words: whatever else stands in the URL may be a secret.
    pub to: String,
    /// How long one delivery may take.
    pub limit: Duration,
}

/// What the environment says; `None` when nobody wants any.
///
/// # Errors
/// Why it cannot be done as it says: words without any value of a variable that may hold a secret.
pub fn wanted(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Wanted>, String> {
    let said = |name: &str| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    let of_either = |name: &str| {
        let (own, all) = (format!("OTEL_EXPORTER_OTLP_TRACES_{name}"), format!("OTEL_EXPORTER_OTLP_{name}"));
        said(&own).map(|value| (own, value)).or_else(|| said(&all).map(|value| (all, value)))
    };
    if said("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(None);
    }
    let exporter = said("OTEL_TRACES_EXPORTER");
    let (name, url) = match (exporter.as_deref(), of_either("ENDPOINT")) {
        (Some("none"), _) | (None, None) => return Ok(None),
        (Some("otlp") | None, Some(endpoint)) => endpoint,
        (Some("otlp"), None) => ("the default".to_owned(), HERE.to_owned()),
        (Some(other), _) => return Err(format!("OTEL_TRACES_EXPORTER is `{other}`: only `otlp` and `none` are known here")),
    };
    if let Some((name, value)) = of_either("PROTOCOL").filter(|(_, value)| value != "http/protobuf") {
        return Err(format!("{name} is `{value}`: only `http/protobuf` is spoken here (port 4318 of a collector)"));
    }
    if let Some((name, value)) = of_either("COMPRESSION").filter(|(_, value)| !["none", "gzip"].contains(&value.as_str())) {
        return Err(format!("{name} is `{value}`: only `gzip` and `none` are known here"));
    }
    let limit = match of_either("TIMEOUT") {
        Some((name, value)) => {
            let milliseconds = value.parse().map_err(|_| format!("{name} is `{value}`: it is a number of milliseconds"))?;
            Duration::from_millis(milliseconds)
        }
        None => LIMIT,
    };
    let uri = url.parse::<http::Uri>().ok().filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
    let host = uri.as_ref().and_then(|uri| uri.host()).ok_or_else(|| format!("{name} is no URL that begins with http:// or https://"))?;
    let port = uri.as_ref().and_then(|uri| uri.port_u16()).map(|port| format!(":{port}")).unwrap_or_default();
    Ok(Some(Wanted { to: format!("{host}{port}"), limit }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(environment: &[(&str, &str)]) -> Result<Option<Wanted>, String> {
        wanted(|name| environment.iter().find(|(one, _)| *one == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn without_an_endpoint_or_when_it_is_switched_off_nobody_wants_any() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        for environment in [
            &[][..],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")],
            &[("OTEL_SERVICE_NAME", "estate")],
            &[endpoint, ("OTEL_SDK_DISABLED", "TRUE")],
            &[endpoint, ("OTEL_TRACES_EXPORTER", "none")],
        ] {
            assert_eq!(of(environment), Ok(None), "{environment:?}");
        }
        assert!(of(&[endpoint, ("OTEL_SDK_DISABLED", "false")]).unwrap().is_some());
    }

    #[test]
    fn the_variable_for_traces_comes_before_the_one_for_all() {
        let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318");
        let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://me:secret@own/v1/traces?key=secret");
        let wanted = of(&[all, own, ("OTEL_EXPORTER_OTLP_TIMEOUT", "250")]).unwrap().unwrap();
        assert_eq!(wanted, Wanted { to: "own".to_owned(), limit: Duration::from_millis(250) });
        assert_eq!(of(&[all]).unwrap().unwrap(), Wanted { to: "all:4318".to_owned(), limit: LIMIT });
        assert_eq!(of(&[("OTEL_TRACES_EXPORTER", "otlp")]).unwrap().unwrap().to, "localhost:4318");
    }

    #[test]
    fn what_cannot_be_is_said_without_a_url() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        for (environment, word) in [
            (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector/secret")][..], "OTEL_EXPORTER_OTLP_ENDPOINT is no URL"),
            (&[endpoint, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")], "http/protobuf"),
            (&[endpoint, ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "zstd")], "gzip"),
            (&[endpoint, ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s")], "milliseconds"),
            (&[("OTEL_TRACES_EXPORTER", "zipkin")], "OTEL_TRACES_EXPORTER"),
        ] {
            let why = of(environment).unwrap_err();
            assert!(why.contains(word) && !why.contains("secret"), "{why}");
        }
    }
}
