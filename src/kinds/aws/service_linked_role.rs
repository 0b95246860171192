//! The role through which an AWS service acts in this account.
//!
//! API: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceLinkedRole.html>.
//! A service makes its role when it is first used; a policy that names the role is refused before that. So a stack that names one asks for
//! it here. Of some services an account can have more roles, under a name with a suffix (`..._blue`): they are somebody's own. Belongs to the whole account, which may need it for more than this stack: it bears no mark and is never deleted. What the
//! role may do is the service's business.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::support::iam;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::Marks;
use crate::planes::Aws;
use crate::planes::error::{Class, Error, Result};

/// A service-linked role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceLinkedRole {
    /// The service that takes it: `autoscaling.amazonaws.com`.
    #[schemars(extend("x-replace" = true))]
    pub aws_service_name: String,
}

impl Named for ServiceLinkedRole {
    const NAME: &'static str = "aws.service_linked_role";
}

impl Kind for ServiceLinkedRole {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceLinkedRole.html";
    const TAGS: Tags = Tags::None;
    const ATTRIBUTES: &'static [&'static str] = &["arn", "name"];
    const KEY: &'static [&'static str] = &["aws_service_name"];
    const SINGLETON: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        let name = &self.aws_service_name;
        let fits =
            name.ends_with(".amazonaws.com") && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b));
        if fits { Vec::new() } else { vec![("aws_service_name".into(), "is a service's principal, like autoscaling.amazonaws.com".into())] }
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let details = iam::details(cx).await?;
        Ok(details.service_linked.iter().filter_map(|role| live(role.path()?, role.arn()?, iam::time(role.create_date()))).collect())
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let service = &new.want.aws_service_name;
        let id = match cx.iam.create_service_linked_role().aws_service_name(service).send().await.map_err(Error::from) {
            Ok(out) => out.role.map(|role| role.arn),
            Err(error) if is_there_already(&error) => existing(cx, service).await?,
            Err(error) => return Err(error),
        };
        let id = id.ok_or_else(|| Error::incomplete("iam.CreateServiceLinkedRole", "ARN"))?;
        Ok(Made { attributes: known(&id), id })
    }

    async fn update(_: &Aws, _: &Change<Self>) -> Result<()> {
        Ok(())
    }

    async fn delete(_: &Aws, _: &Gone<Self>) -> Result<()> {
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        cx.iam.get_role().role_name(iam::name(id)).send().await?;
        Ok(Ready::Yes(known(id)))
    }

    async fn mark(_: &Aws, _: &str, _: &Marks) -> Result<()> {
        Ok(())
    }
}

/// The path of the role of `service`.
fn path(service: &str) -> String {
    format!("{}{service}/", iam::SERVICE_LINKED)
}

fn known(id: &str) -> Attributes {
    attributes([("arn", id), ("name", iam::name(id))])
}

/// Whether the role of that name is one beside the service's own. Part of a service (`dynamodb.application-autoscaling.amazonaws.com`) has an
/// underscore in the name of its own role (`..._DynamoDBTable`), and allows no other.
fn is_suffixed(service: &str, name: &str) -> bool {
    let whole = service.strip_suffix(".amazonaws.com").is_some_and(|label| !label.contains('.'));
    whole && name.contains('_')
}

fn live(path: &str, arn: &str, made_at: String) -> Option<Live<ServiceLinkedRole>> {
    let service = path.strip_prefix(iam::SERVICE_LINKED)?.strip_suffix('/').filter(|service| !is_suffixed(service, iam::name(arn)))?;
    let shape = ServiceLinkedRole { aws_service_name: service.to_owned() };
    Some(Live { id: arn.to_owned(), attributes: known(arn), shape, marks: Marks::default(), made_at })
}

/// IAM answers `InvalidInput` ("... has been taken in this account, please try a different suffix").
fn is_there_already(error: &Error) -> bool {
    error.class == Class::AlreadyExists || (error.code == "InvalidInput" && error.message.contains("has been taken"))
}

async fn existing(cx: &Aws, service: &str) -> Result<Option<String>> {
    let out = cx.iam.list_roles().path_prefix(path(service)).send().await?;
    Ok(out.roles.into_iter().find(|role| !is_suffixed(service, &role.role_name)).map(|role| role.arn))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_stands_in_the_path() {
        let arn = "arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
        let live = live("/aws-service-role/autoscaling.amazonaws.com/", arn, String::new()).unwrap();
        assert_eq!(live.shape.aws_service_name, "autoscaling.amazonaws.com");
        assert_eq!(live.attributes["name"], "AWSServiceRoleForAutoScaling");
        assert_eq!(path("autoscaling.amazonaws.com"), "/aws-service-role/autoscaling.amazonaws.com/");
    }

    #[test]
    fn a_role_with_a_suffix_is_not_the_services_own() {
        assert!(is_suffixed("autoscaling.amazonaws.com", "AWSServiceRoleForAutoScaling_blue"));
        assert!(!is_suffixed("autoscaling.amazonaws.com", "AWSServiceRoleForAutoScaling"));
        let table = "AWSServiceRoleForApplicationAutoScaling_DynamoDBTable";
        assert!(!is_suffixed("dynamodb.application-autoscaling.amazonaws.com", table));
    }

    #[test]
    fn a_service_is_a_principal() {
        let wrong = |name: &str| !ServiceLinkedRole { aws_service_name: name.into() }.check().is_empty();
        assert!(!wrong("reports.backup.amazonaws.com"));
        assert!(wrong("autoscaling") && wrong("Auto.amazonaws.com"));
    }
}
