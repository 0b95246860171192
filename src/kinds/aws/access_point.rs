//! An EFS access point: a door to one folder of a file system, through which everybody is one user.
//!
//! API: <https://docs.aws.amazon.com/efs/latest/ug/API_CreateAccessPoint.html>.
//! Nothing of it can be changed: what differs makes a new one. The folder and its files stay when it goes.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::file_system::FileSystem;
use super::support::efs::{is_going, mark, pairs, tags};
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::{Marks, Ref};
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};
use aws_sdk_efs::types as efs;

/// Who everybody is behind the door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PosixUser {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Further groups. Default: none.
    #[serde(default)]
    pub secondary_gids: BTreeSet<u32>,
}

/// How the folder is made when it is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreationInfo {
    /// Its owner.
    pub owner_uid: u32,
    /// Its group.
    pub owner_gid: u32,
    /// Its mode, octal: `"0750"`.
    #[schemars(regex(pattern = "^[0-7]{3,4}$"))]
    pub permissions: String,
}

/// The folder behind the door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RootDirectory {
    /// Its path, at most four folders deep. Default: `/`.
    #[serde(default = "root")]
    pub path: String,
    /// How it is made when it is not there. Default: it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_info: Option<CreationInfo>,
}

fn root() -> String {
    "/".into()
}

impl Default for RootDirectory {
    fn default() -> Self {
        Self { path: root(), creation_info: None }
    }
}

/// A door to a folder of a file system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessPoint {
    /// The file system.
    #[schemars(extend("x-replace" = true, "x-need" = "ready"))]
    pub file_system: Ref<FileSystem>,
    /// Who everybody is behind it. Default: who they say they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-replace" = true))]
    pub posix_user: Option<PosixUser>,
    /// The folder behind it. Default: the whole file system.
    #[serde(default)]
    #[schemars(extend("x-replace" = true))]
    pub root_directory: RootDirectory,
}

impl Named for AccessPoint {
    const NAME: &'static str = "aws.access_point";
}

impl Kind for AccessPoint {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/efs/latest/ug/API_CreateAccessPoint.html";
    const TAGS: Tags = Tags::Efs;
    const ATTRIBUTES: &'static [&'static str] = &["arn"];

    fn check(&self) -> Vec<(String, String)> {
        let path = &self.root_directory.path;
        let deep = path.split('/').filter(|part| !part.is_empty()).count();
        let mut wrong = Vec::new();
        if !path.starts_with('/') || deep > 4 || path.len() > 100 {
            wrong.push(("root_directory.path".into(), format!("`{path}` has to begin with / and be at most four folders deep")));
        }
        if let Some(info) = &self.root_directory.creation_info
            && (!(3..=4).contains(&info.permissions.len()) || !info.permissions.bytes().all(|b| (b'0'..=b'7').contains(&b)))
        {
            wrong.push(("root_directory.creation_info.permissions".into(), "is an octal mode such as \"0750\"".into()));
        }
        wrong
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let items = cx.efs.describe_access_points().max_results(1000).into_paginator().items().send();
        let all: Vec<efs::AccessPointDescription> = items.collect::<std::result::Result<_, _>>().await?;
        let standing = all.into_iter().filter(|point| !point.life_cycle_state().is_some_and(is_going));
        standing.filter_map(|point| cx.marks(pairs(point.tags())).map(|marks| live(&point, marks))).collect()
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let want = &new.want;
        let user = want.posix_user.as_ref().map(|user| {
            let gids = user.secondary_gids.iter().map(|gid| i64::from(*gid)).collect();
            efs::PosixUser::builder().uid(user.uid.into()).gid(user.gid.into()).set_secondary_gids(Some(gids)).build()
        });
        let info = want.root_directory.creation_info.as_ref().map(|info| {
            let owner = efs::CreationInfo::builder().owner_uid(info.owner_uid.into()).owner_gid(info.owner_gid.into());
            owner.permissions(&info.permissions).build()
        });
        let missing = |_| Error::incomplete("efs.CreateAccessPoint", "field that it must have");
        let folder = efs::RootDirectory::builder().path(&want.root_directory.path).set_creation_info(info.transpose().map_err(missing)?);
        let made = cx
            .efs
            .create_access_point()
            .client_token(&new.token)
            .file_system_id(want.file_system.id())
            .set_posix_user(user.transpose().map_err(missing)?)
            .root_directory(folder.build())
            .set_tags(Some(tags(&new.marks)?))
            .send()
            .await?;
        let id = made.access_point_id.ok_or_else(|| Error::incomplete("efs.CreateAccessPoint", "id"))?;
        Ok(Made { attributes: known(made.access_point_arn.as_deref()), id })
    }

    async fn update(_: &Aws, _: &Change<Self>) -> Result<()> {
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        cx.efs.delete_access_point().access_point_id(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let out = cx.efs.describe_access_points().access_point_id(id).send().await?;
        let point = out.access_points().first().ok_or_else(|| Error::not_found("efs.DescribeAccessPoints", id))?;
        Ok(match point.life_cycle_state() {
            Some(efs::LifeCycleState::Available) => Ready::Yes(known(point.access_point_arn())),
            Some(efs::LifeCycleState::Error) => Ready::Failed("EFS says `error`".into()),
            Some(state) => Ready::NotYet(state.to_string()),
            None => Ready::NotYet("unknown".into()),
        })
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        mark(cx, id, marks).await
    }
}

fn live(point: &efs::AccessPointDescription, marks: Marks) -> Result<Live<AccessPoint>> {
    let lacks = |what: &str| Error::incomplete("efs.DescribeAccessPoints", what);
    let id = |number: i64| u32::try_from(number).map_err(|_| lacks("id that is 32 bits wide"));
    let user = |user: &efs::PosixUser| {
        let secondary_gids = user.secondary_gids().iter().map(|gid| id(*gid)).collect::<Result<_>>()?;
        Ok::<_, Error>(PosixUser { uid: id(user.uid())?, gid: id(user.gid())?, secondary_gids })
    };
    let info = |info: &efs::CreationInfo| {
        let (owner_uid, owner_gid) = (id(info.owner_uid())?, id(info.owner_gid())?);
        Ok::<_, Error>(CreationInfo { owner_uid, owner_gid, permissions: info.permissions().to_owned() })
    };
    let folder = point.root_directory();
    let shape = AccessPoint {
        file_system: Ref::to(point.file_system_id().ok_or_else(|| lacks("file system"))?),
        posix_user: point.posix_user().map(user).transpose()?,
        root_directory: RootDirectory {
            path: folder.and_then(|folder| folder.path()).unwrap_or("/").to_owned(),
            creation_info: folder.and_then(|folder| folder.creation_info()).map(info).transpose()?,
        },
    };
    let name = point.access_point_id().ok_or_else(|| lacks("id"))?;
    Ok(Live { id: name.to_owned(), attributes: known(point.access_point_arn()), shape, marks, made_at: String::new() })
}

fn known(arn: Option<&str>) -> Attributes {
    attributes([("arn", arn.unwrap_or_default())])
}
