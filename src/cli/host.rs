//! `reeve host`: on a host, make it one, or say what is off.

mod run;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::stop::Stop;
use super::terminal::Terminal;
use super::{Exit, Failure, code};
use crate::host::config::CONFIG;
use crate::host::roll::{self, Next};
use crate::host::{Host as Machine, HostConfig, Step, bundle, machine};
use crate::view;

/// On a host: make it one, or say what is off.
#[derive(Debug, Args)]
pub struct Host {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a host of this machine; what is right already is left alone. Exit 0: it is one, 1: something is not right.
    Setup(Setup),
    /// What is off with this host; changes nothing. Exit 0: nothing, 2: something.
    Status(Status),
    /// On a manager: replace each host that is not of the newest launch template, one after the other, without a tenant being away for
    /// longer than its start takes. Can be ended and begun again at any moment.
    Roll(Roll),
    /// On a manager, as a service: route, wake tenants and put them to rest as the stack tells its hosts, until SIGTERM. It needs no YAML, and may
    /// change nothing of the estate.
    Run(run::Run),
    /// Make the bundle that hosts fetch, and print what the stack says of it.
    Bundle(Bundle),
}

/// Make the bundle that hosts fetch.
#[derive(Debug, Args)]
struct Bundle {
    /// The program for hosts. Default: this one.
    #[arg(long, value_name = "FILE")]
    reeve: Option<PathBuf>,
    /// The static wrapper that tenants' containers start through.
    #[arg(long, value_name = "FILE")]
    hold: PathBuf,
    /// The certificates that the database's own is held against, PEM. For RDS:
    /// <https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem>.
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// The folder to write it to, as `SHA256.tar.gz`.
    #[arg(long, value_name = "DIR", default_value = "bundles")]
    folder: PathBuf,
}

impl Bundle {
    fn run(self, terminal: &mut Terminal) -> Exit {
        let failed = |path: &PathBuf, error: std::io::Error| Failure::new(code::ERROR, format!("{}: {error}", path.display()));
        let own = || std::env::current_exe().map_err(|error| failed(&PathBuf::from("this program"), error));
        let reeve = self.reeve.map_or_else(own, Ok)?;
        let read = |path: &PathBuf| std::fs::read(path).map_err(|error| failed(path, error));
        let (reeve, hold, ca) = (read(&reeve)?, read(&self.hold)?, read(&self.ca)?);
        let bytes = bundle::pack([&reeve, &hold, &ca]).map_err(|error| Failure::new(code::ERROR, error.to_string()))?;
        let digest = bundle::digest(&bytes);
        let out = self.folder.join(format!("{digest}.tar.gz"));
        std::fs::create_dir_all(&self.folder).and_then(|()| std::fs::write(&out, &bytes)).map_err(|error| failed(&out, error))?;
        terminal.data(&view::host::bundle(&self.folder.display().to_string(), &digest))?;
        Ok(code::DONE)
    }
}

/// Which machine, and which steps.
#[derive(Debug, Args)]
struct On {
    /// What the stack tells its hosts. Default: `/etc/reeve/host-config.json`.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The machine's files lie in this folder, and no service of it runs. For images and tests.
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Only these steps; what they need is taken to be right.
    #[arg(long, value_name = "STEP", value_delimiter = ',', value_parser = step)]
    only: Vec<Step>,
}

fn step(name: &str) -> Result<Step, String> {
    let names = || Step::ALL.map(Step::name).join(", ");
    Step::named(name).ok_or_else(|| format!("there is no such step; there are {}", names()))
}

impl On {
    fn host(&self, bundle: Option<PathBuf>) -> Result<Machine, Failure> {
        let machine = machine::Machine::at(&self.root);
        let path = self.config.clone().unwrap_or_else(|| machine.path(CONFIG));
        let config = HostConfig::read(&path).map_err(|error| Failure::new(code::ERROR, error.to_string()))?;
        Ok(Machine::new(machine, config, bundle))
    }

    fn steps(&self) -> impl Iterator<Item = Step> {
        Step::ALL.into_iter().filter(|step| self.only.is_empty() || self.only.contains(step))
    }
}

/// Make a host of this machine.
#[derive(Debug, Args)]
struct Setup {
    #[command(flatten)]
    on: On,
    /// The folder with the unpacked bundle: `reeve`, `hold` and `ca.pem`.
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
}

/// Replace each host that is not of the newest launch template.
#[derive(Debug, Args)]
struct Roll {
    /// What the stack tells its hosts. Default: `/etc/reeve/host-config.json`.
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// Only say what would be done next. Exit 0: nothing, 2: something.
    #[arg(long)]
    look: bool,
}

impl Roll {
    /// Between two looks.
    const PAUSE: Duration = Duration::from_secs(5);

    async fn run(self, terminal: &mut Terminal) -> Exit {
        let failed = |error: &dyn std::fmt::Display| Failure::new(code::ERROR, error.to_string());
        let config = HostConfig::read(&self.config).map_err(|error| failed(&error))?;
        let host = Machine::new(machine::Machine::at("/"), config, None);
        let mut stop = Stop::listen()?;
        let mut told = String::new();
        loop {
            let fleet = roll::live::look(&host).await.map_err(|error| failed(&error))?;
            let next = roll::decide(&fleet);
            let text = match &next {
                Next::Done => "every host is of the newest launch template".to_owned(),
                Next::Drain(instance) => format!("{instance}: takes no more tenants, and gives away those that it has"),
                Next::Replace(instance) => format!("{instance}: is empty, its tenants answer elsewhere: it is replaced"),
                Next::Wait(why) => format!("waits: {why}"),
                Next::Stuck(why) => return Err(Failure::new(code::REFUSED, why.clone())),
            };
            if text != told {
                terminal.say(&text);
                told = text;
            }
            if self.look || next == Next::Done {
                return Ok(if next == Next::Done { code::DONE } else { code::CHANGES });
            }
            roll::live::act(&host, &next).await.map_err(|error| failed(&error))?;
            tokio::select! {
                () = stop.asked() => return Ok(code::INTERRUPTED),
                () = tokio::time::sleep(Self::PAUSE) => {}
            }
        }
    }
}

/// What is off with this host.
#[derive(Debug, Args)]
struct Status {
    #[command(flatten)]
    on: On,
    /// How to say it.
    #[arg(long, default_value = "human")]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Human,
    Json,
}

impl Host {
    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        match self.what {
            What::Setup(args) => args.run(terminal).await,
            What::Status(args) => args.run(terminal).await,
            What::Roll(args) => args.run(terminal).await,
            What::Run(args) => args.run(terminal).await,
            What::Bundle(args) => args.run(terminal),
        }
    }
}

impl Setup {
    async fn run(self, terminal: &mut Terminal) -> Exit {
        let steps: Vec<Step> = self.on.steps().collect();
        let host = self.on.host(self.bundle)?;
        let mut findings = Vec::new();
        for step in steps {
            let finding = step.setup(&host, &findings).await;
            terminal.say(&view::host::line(&finding));
            findings.push(finding);
        }
        terminal.say(&view::host::summary(&findings));
        Ok(if findings.iter().all(|one| one.is_right()) { code::DONE } else { code::ERROR })
    }
}

impl Status {
    async fn run(self, terminal: &mut Terminal) -> Exit {
        let host = self.on.host(None)?;
        let mut findings = Vec::new();
        for step in self.on.steps() {
            findings.push(step.status(&host).await);
        }
        match self.format {
            Format::Json => terminal.data(&view::host::json(&findings))?,
            Format::Human => {
                let lines: Vec<String> = findings.iter().map(view::host::line).collect();
                terminal.data(&lines.join("\n"))?;
                terminal.say(&view::host::summary(&findings));
            }
        }
        Ok(if findings.iter().all(|one| one.is_right()) { code::DONE } else { code::CHANGES })
    }
}
