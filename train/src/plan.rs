//! Plans: a file that stands for many runs.
//!
//! ```toml
//! about = "SimSiam with and without norm, two classes, two seeds"
//!
//! [settings]                      # of every run, as in a run's config.toml
//! dataset = "fashion-mnist"
//! epochs = 40
//!
//! [[grid]]                        # one run for each combination of the axes' values
//! [grid.settings]                 # of this grid only
//! objective = "simsiam"
//! [grid.axes]                     # in this order; the last axis varies fastest
//! seed = [0, 1]
//! id-class = [3, 7]
//! method = [{ norm = "none" }, { norm = "both", epochs = 80 }]
//!
//! [decide]                        # written before the first run: what the report's verdicts rest on
//! measures = ["k-cos", "kappa"]
//! evaluations = 5                 # the mean of a run's last five; without it, the evaluation after training
//! ```
//!
//! A grid whose runs were added after results had been seen says `exploratory = true`.
//!
//! A value that is a table stands for several settings that go together; its axis may have any name. `include`
//! takes the runs of other plans, named relative to this one, before its own. The order of the runs and their names
//! depend on the file alone, so that an index means the same run on every machine.

use crate::data;
use crate::error::NsaError;
use nsa_core::config::TrainConfig;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use toml::{Spanned, Table, Value};

/// Bytes a plan may have.
const MAX_FILE: u64 = 1 << 20;
/// Runs a plan may have.
const MAX_RUNS: usize = 100_000;

/// A plan, expanded.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What it is for.
    pub about: String,
    /// What decides.
    pub decide: Decide,
    /// Its runs; a run's position is its index.
    pub runs: Vec<Planned>,
}

/// What decides, as it was written down before the first run.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decide {
    /// The measures, by the report's names.
    pub measures: Vec<String>,
    /// A measure is the mean of so many last evaluations during training; 0: of the evaluation after it.
    #[serde(default)]
    pub evaluations: usize,
}

/// A run of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// Its folder's name: the settings that tell it from others.
    pub name: String,
    /// All its settings.
    pub config: TrainConfig,
    /// Whether it was added after results of others had been seen.
    pub exploratory: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    about: String,
    #[serde(default)]
    include: Vec<PathBuf>,
    #[serde(default)]
    settings: Table,
    #[serde(default)]
    decide: Decide,
    #[serde(default)]
    grid: Vec<Grid>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Grid {
    #[serde(default)]
    settings: Table,
    #[serde(default)]
    exploratory: bool,
    /// Where an axis stands in the file says how fast it varies.
    #[serde(default)]
    axes: BTreeMap<String, Spanned<Value>>,
}

impl Plan {
    /// Reads a plan and expands it. Every run's settings are checked: a plan is refused whole or not at all.
    pub fn read(path: &Path) -> Result<Self, NsaError> {
        let file = parse(path)?;
        let mut runs = Vec::new();
        for other in &file.include {
            let other = path.parent().unwrap_or(Path::new("")).join(other);
            let included = parse(&other)?;
            if !included.include.is_empty() {
                return Err(refused(path, format!("an included plan must not include others, but {other:?} does")));
            }
            expand(&other, &included, &mut runs)?;
        }
        expand(path, &file, &mut runs)?;
        if runs.is_empty() {
            return Err(refused(path, "a plan must have at least one [[grid]], or include a plan that has".into()));
        }
        check_names(path, &runs)?;
        Ok(Self { about: file.about, decide: file.decide, runs })
    }
}

fn refused(path: &Path, why: String) -> NsaError {
    NsaError::ConfigFile { path: path.into(), why }
}

fn parse(path: &Path) -> Result<PlanFile, NsaError> {
    let bytes = crate::files::read_capped(path, MAX_FILE)?;
    let text = str::from_utf8(&bytes).map_err(|e| refused(path, e.to_string()))?;
    toml::from_str(text).map_err(|e| refused(path, e.to_string()))
}

/// Two runs of one name would train in one folder.
fn check_names(path: &Path, runs: &[Planned]) -> Result<(), NsaError> {
    let mut seen = BTreeMap::new();
    for (index, run) in runs.iter().enumerate() {
        if let Some(first) = seen.insert(&run.name, index) {
            let name = &run.name;
            return Err(refused(
                path,
                format!("every run needs a name of its own, but {first} and {index} are {name}"),
            ));
        }
    }
    Ok(())
}

fn expand(path: &Path, file: &PlanFile, runs: &mut Vec<Planned>) -> Result<(), NsaError> {
    for grid in &file.grid {
        let mut axes = Vec::new();
        let mut count = 1_usize;
        let mut written: Vec<_> = grid.axes.iter().collect();
        written.sort_by_key(|(_, values)| values.span().start);
        for (name, values) in written {
            let values = values.get_ref();
            let values = values.as_array().filter(|values| !values.is_empty()).ok_or_else(|| {
                refused(path, format!("axis '{name}' must be a list of at least one value, found {values}"))
            })?;
            count = count.saturating_mul(values.len());
            axes.push((name, values));
        }
        if runs.len().saturating_add(count) > MAX_RUNS {
            return Err(refused(path, format!("a plan must have at most {MAX_RUNS} runs, this one has more")));
        }
        for number in 0..count {
            runs.push(combination(path, file, grid, &axes, number)?);
        }
    }
    Ok(())
}

/// Run `number` of a grid: the number's digits, in the bases of the axes' lengths, choose the values.
fn combination(
    path: &Path,
    file: &PlanFile,
    grid: &Grid,
    axes: &[(&String, &Vec<Value>)],
    number: usize,
) -> Result<Planned, NsaError> {
    let mut settings = file.settings.clone();
    overlay(&mut settings, &grid.settings);
    let mut varied = BTreeSet::new();
    let mut stride: usize = axes.iter().map(|(_, values)| values.len()).product();
    for (name, values) in axes {
        stride /= values.len();
        let chosen = match &values[number / stride % values.len()] {
            Value::Table(together) => together.clone(),
            value => Table::from_iter([(name.to_string(), value.clone())]),
        };
        varied.extend(chosen.keys().cloned());
        overlay(&mut settings, &chosen);
    }
    let mirrored = settings.get("augment").and_then(|augment| augment.get("flip")).is_some();
    let at = |why: String| refused(path, format!("run {number} of a grid, {}: {why}", describe(&settings, &varied)));
    let mut config: TrainConfig =
        settings.clone().try_into().map_err(|e: toml::de::Error| at(e.message().to_string()))?;
    if !mirrored && !data::mirrors(&config.dataset) {
        config.augment.flip = 0.0;
    }
    config.check().map_err(|e| at(e.to_string()))?;
    Ok(Planned { name: name(&config, &settings, &varied), config, exploratory: grid.exploratory })
}

/// Puts `above` over `below`, tables inside of them entry by entry.
fn overlay(below: &mut Table, above: &Table) {
    for (key, value) in above {
        match (below.get_mut(key), value) {
            (Some(Value::Table(inner)), Value::Table(value)) => overlay(inner, value),
            _ => {
                below.insert(key.clone(), value.clone());
            }
        }
    }
}

fn describe(settings: &Table, varied: &BTreeSet<String>) -> String {
    let pairs = varied.iter().filter_map(|key| Some(format!("{key} = {}", settings.get(key)?)));
    pairs.collect::<Vec<_>>().join(", ")
}

/// The settings that every name says.
const NAMED: [&str; 9] = ["dataset", "id-class", "objective", "norm", "pollution", "width", "epochs", "batch", "seed"];

/// For example `fashion-mnist-7-simsiam-both-p0.1-w8-e40-b64-s0`; what else varies in the grid is added.
fn name(config: &TrainConfig, settings: &Table, varied: &BTreeSet<String>) -> String {
    let c = config;
    let mut name = format!(
        "{}-{}-{}-{}-p{}-w{}-e{}-b{}-s{}",
        c.dataset, c.id_class, c.objective, c.norm, c.pollution, c.width, c.epochs, c.batch, c.seed
    );
    for key in varied.iter().filter(|key| !NAMED.contains(&key.as_str())) {
        if let Some(value) = settings.get(key) {
            name += &format!("-{key}{value}");
        }
    }
    // A folder's name: no slash of a path, no quote of a TOML value.
    let plain = |c: char| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '-' };
    name.chars().filter(|&c| c != '"').map(plain).collect::<String>().trim_start_matches(['.', '-']).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nsa_core::config::{Norm, Objective};

    fn read(text: &str) -> Result<Plan, NsaError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.toml");
        std::fs::write(&path, text).unwrap();
        Plan::read(&path)
    }

    const TEXT: &str = r#"
        about = "a test"
        [settings]
        dataset = "fashion-mnist"
        augment.crop-min = 0.5
        [[grid]]
        [grid.settings]
        epochs = 7
        [grid.axes]
        seed = [4, 3]
        method = [{ objective = "simclr", norm = "f" }, { objective = "simsiam", norm = "both", epochs = 9 }]
        temperature = [0.2, 0.5]
        [[grid]]
        settings.dataset = "svhn"
        settings.augment.crop-min = 0.6
    "#;

    #[test]
    fn axes_vary_in_their_order_the_last_fastest() {
        let plan = read(TEXT).unwrap();
        assert_eq!((plan.about.as_str(), plan.runs.len()), ("a test", 9));
        let of = |i: usize| {
            let c = &plan.runs[i].config;
            (c.seed, c.objective, c.norm, c.epochs, c.temperature)
        };
        assert_eq!(of(0), (4, Objective::Simclr, Norm::F, 7, 0.2));
        assert_eq!(of(1), (4, Objective::Simclr, Norm::F, 7, 0.5));
        assert_eq!(of(2), (4, Objective::Simsiam, Norm::Both, 9, 0.2));
        assert_eq!(of(7), (3, Objective::Simsiam, Norm::Both, 9, 0.5));
        assert_eq!(plan.runs[2].name, "fashion-mnist-3-simsiam-both-p0-w16-e9-b64-s4-temperature0.2");
        assert_eq!(plan.runs[8].name, "svhn-3-simsiam-both-p0-w16-e100-b64-s0");
        // Digits are not mirrored, and a table is overlaid entry by entry.
        let augment = |i: usize| (plan.runs[i].config.augment.flip, plan.runs[i].config.augment.crop_min);
        assert_eq!((augment(0), augment(8)), ((0.5, 0.5), (0.0, 0.6)));
    }

    #[test]
    fn what_decides_and_what_is_exploratory_is_data() {
        assert_eq!(read(TEXT).unwrap().decide, Decide::default());
        let decide = "[decide]\nmeasures = ['k-cos', 'kappa']\nevaluations = 5\n";
        let plan = read(&format!(
            "about = 'x'\n{decide}[[grid]]\naxes.seed = [0]\n[[grid]]\nexploratory = true\n\
                                  axes.seed = [1]"
        ))
        .unwrap();
        assert_eq!(plan.decide, Decide { measures: vec!["k-cos".into(), "kappa".into()], evaluations: 5 });
        assert_eq!(plan.runs.iter().map(|run| run.exploratory).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |text: &str| {
            let error = read(&format!("about = 'x'\n{text}")).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            error.to_string()
        };
        assert!(error("").contains("at least one [[grid]]"));
        assert!(error("[[grid]]\naxes.seed = []").contains("axis 'seed' must be a list of at least one value"));
        assert!(error("[[grid]]\naxes.seed = 3").contains("axis 'seed'"));
        assert!(error("[[grid]]\naxes.norm = ['none', 'h']").contains("norm = \"h\""));
        assert!(error("[[grid]]\naxes.batch = [1]").contains("batch = 1: batch must be 2 to 65536, found 1"));
        assert!(error("[[grid]]\naxes.epoch = [1]").contains("epoch"));
        assert!(error("[[grid]]\naxes.seed = [1, 2, 1]").contains("0 and 2 are synth-digits-3"));
        assert!(error("[[grid]]\n[[grids]]").contains("grids"));
        let many = (0..400).map(|i| i.to_string()).collect::<Vec<_>>().join(",");
        assert!(error(&format!("[[grid]]\naxes.seed = [{many}]\naxes.id-class = [{many}]")).contains("at most 100000"));
        assert!(read("[[grid]]").unwrap_err().to_string().contains("about"));
    }

    #[test]
    fn a_plan_takes_the_runs_of_others_once() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("a.toml", "about = 'a'\n[[grid]]\naxes.seed = [0, 1]");
        write("b.toml", "about = 'b'\ninclude = ['a.toml']\n[[grid]]\naxes.seed = [2]");
        write("c.toml", "about = 'c'\ninclude = ['b.toml']");
        let plan = Plan::read(&folder.path().join("b.toml")).unwrap();
        assert_eq!(plan.runs.iter().map(|run| run.config.seed).collect::<Vec<_>>(), [0, 1, 2]);
        let error = Plan::read(&folder.path().join("c.toml")).unwrap_err().to_string();
        assert!(error.contains("must not include others"), "{error}");
    }

    /// The plans that are committed, how many runs each has, and how many of them are of one seed, class and data set.
    #[test]
    fn the_committed_plans_are_the_paper_s_tables() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans");
        let runs = |name: &str| Plan::read(&folder.join(name)).unwrap().runs;
        let counts = ["fig2", "table1", "table3", "table10", "table11"].map(|name| runs(&format!("{name}.toml")).len());
        // 640 = 4 objectives x 2 norms x 2 pollutions x (10 + 20 + 10) classes, as the paper says of table 11.
        assert_eq!(counts, [16, 640, 240, 180, 640]);
        for name in ["fig2", "table1", "table3", "table10"] {
            for run in runs(&format!("{name}.toml")) {
                let c = &run.config;
                let classes = data::classes(&c.dataset);
                assert!(classes > 0 && c.id_class < classes && c.width == 64 && c.lr == 1e-4, "{}", run.name);
                let few = [Objective::Simclr, Objective::SimclrRot].contains(&c.objective) && name != "fig2";
                let epochs = if name == "fig2" { 5000 } else { 4000 };
                assert_eq!(c.epochs, if few { 500 } else { epochs }, "{}", run.name);
            }
        }
        // Every row of tables 1, 3, 10 and 11 has its runs, one for each class.
        for table in crate::report::paper::tables().unwrap() {
            let runs = runs(&format!("table{}.toml", table.number));
            for row in &table.rows {
                let those = runs.iter().filter(|run| row.is_of(&run.config)).count();
                assert_eq!(those, data::classes(&row.dataset), "table {}: {row:?}", table.number);
            }
        }
        let mut small: Vec<_> = std::fs::read_dir(folder.join("cpu")).unwrap().map(|e| e.unwrap().path()).collect();
        small.sort();
        let small: Vec<usize> = small.iter().map(|path| Plan::read(path).unwrap().runs.len()).collect();
        assert_eq!(
            small,
            [78, 12, 22, 252, 252, 20, 40, 18, 33],
            "cifar10, digits, dynamics, rivals-tab, rivals, tab, table1, table3, untrained"
        );
    }

    #[test]
    fn a_name_is_a_folder_s_name() {
        let plan = read("about = 'x'\n[settings]\ndataset = '../evil:set'\n[[grid]]\naxes.lr = [1e-3]").unwrap();
        assert_eq!(plan.runs[0].name, "evil-set-3-simsiam-both-p0-w16-e100-b64-s0-lr0.001");
    }
}
