//! `nsa report`: our numbers beside the paper's.

use crate::error::NsaError;
use crate::files;
use crate::output::tell;
use crate::plan::Plan;
use crate::report::compare::{self, compare};
use crate::report::results::{self, Parts};
use crate::report::table::Table;
use crate::report::{claims, effect, fill, forest, gains, methods, pages, paper, plots, record, settings};
use clap::Args;
use std::path::{Path, PathBuf};

pub const LONG_ABOUT: &str = "\
Our numbers beside the paper's, as Markdown, CSV and plots.

RUNS are run folders, folders of runs, or records of runs. --out gets, for each table of the paper that ours stand beside, \
tableN.md and tableN.csv; a row of the paper that was not run says so. Tables 5, 9 and 10 have the methods of other papers, \
too, and what each costs. Without --table it also gets RESULTS.md (one screen: what the norm gains, the paper's claims, \
limits), effect.svg, gains.csv, runs.csv, findings.json, and in runs/ a page for each data set and method and one of what \
was not run. The files depend on the runs and plans alone: the same give the same bytes.

--collect writes what a report needs of each run (settings, provenance, history, scores; no weights, no paths) to a folder \
that can be committed, one file a run, and the report can be made from there again. --fill writes the report's parts of \
other pages: what stands between '<!-- nsa report: NAME -->' and '<!-- end of NAME -->', NAME one of gains, baselines, claims.

  nsa report runs/grid --table 1 --out report
  nsa report runs/grid runs/fig2 --collect results/records --out results
  nsa report results/records --plan train/plans/cpu/table1.toml --out results --fill README.md
  nsa report results/records --out results --plots plots      curves and histograms of seed 0

Exit status: 0 done, 1 a file could not be written, 2 something in RUNS is no run.";

/// `nsa report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Runs, records, or folders of them.
    #[arg(required = true, value_name = "RUNS")]
    pub runs: Vec<PathBuf>,
    /// Only this table of the paper: 1, 3, 5, 9, 10 or 11; may be given again.
    #[arg(long, value_name = "N", value_parser = clap::builder::PossibleValuesParser::new(["1", "3", "5", "9", "10", "11"]))]
    pub table: Vec<String>,
    /// Folder for the report.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// A plan: what decides, what is exploratory, and whose missing runs are named; may be given again.
    #[arg(long, value_name = "PLAN.toml")]
    pub plan: Vec<PathBuf>,
    /// Folder that gets a record of each run.
    #[arg(long, value_name = "DIR")]
    pub collect: Option<PathBuf>,
    /// Markdown file whose parts that the report makes are written anew; may be given again.
    #[arg(long, value_name = "FILE.md", conflicts_with = "table")]
    pub fill: Vec<PathBuf>,
    /// Folder that gets a plot of each group of runs that differ in the norm.
    #[arg(long, value_name = "DIR")]
    pub plots: Option<PathBuf>,
}

/// Writes the report.
pub fn run(args: &ReportArgs) -> Result<(), NsaError> {
    let mut records = record::read_all(&args.runs)?;
    let plans: Vec<(String, Plan)> = args
        .plan
        .iter()
        .map(|path| Ok((path.display().to_string(), Plan::read(path)?)))
        .collect::<Result<_, NsaError>>()?;
    record::plan(&mut records, &plans);
    let refused =
        |file: &'static str| move |e: toml::de::Error| NsaError::ConfigFile { path: file.into(), why: e.to_string() };
    let paper = paper::tables().map_err(refused("train/src/report/paper.toml"))?;
    let methods = methods::tables().map_err(refused("train/src/report/methods.toml"))?;

    if let Some(folder) = &args.collect {
        for record in &records {
            record.write(folder)?;
        }
        tell!("{} records in {}", records.len(), folder.display());
    }
    let all = settings::of_all(&records);
    let out = Folder::make(&args.out)?;
    let of_scores = paper.iter().map(|table| {
        let rows = compare(table, &records, &all);
        (table.number, table.about, compare::shown(table, &rows), compare::numbers(table, &rows))
    });
    let of_methods = methods
        .iter()
        .map(|table| (table.number, table.about.as_str(), table.shown(&records, &all), table.numbers(&records, &all)));
    for (number, about, shown, numbers) in of_scores.chain(of_methods) {
        if args.table.is_empty() || args.table.contains(&number.to_string()) {
            out.write(&format!("table{number}.md"), &alone(number, about, &shown, &all))?;
            out.write(&format!("table{number}.csv"), &numbers.csv())?;
        }
    }
    if args.table.is_empty() {
        whole(args, &out, &records, &plans, &paper, &all)?;
    }
    if let Some(folder) = &args.plots {
        let folder = Folder::make(folder)?;
        for figure in plots::figures(&records, &all) {
            let name = format!("{}.svg", figure.file);
            folder.draw(&name, plots::curves(&figure.runs))?;
        }
    }
    let finished = records.iter().filter(|record| record.result().is_some()).count();
    tell!("{}: {finished} finished runs of {}", args.out.display(), records.len());
    Ok(())
}

/// Everything but the paper's tables.
fn whole(
    args: &ReportArgs,
    out: &Folder<'_>,
    records: &[record::RunRecord],
    plans: &[(String, Plan)],
    paper: &[paper::PaperTable],
    all: &[settings::Settings],
) -> Result<(), NsaError> {
    let effects = effect::effects(records, all);
    let rows = effect::rows(&effects);
    let pairs = effect::proposed_pairs(&effects);
    let gains = gains::gains(&pairs, paper);
    let claims = claims::claims(records, &pairs);
    let parts = Parts { records, plans, pairs: &pairs, gains: &gains, claims: &claims, paper };
    out.write("RESULTS.md", &results::page(&parts))?;
    out.draw("effect.svg", forest::draw(&gains))?;
    out.write("findings.json", &effect::json(&effects, &rows)?)?;
    out.write("gains.csv", &gains::numbers(&pairs).csv())?;
    out.write("runs.csv", &pages::every_run(&records.iter().collect::<Vec<_>>(), all).csv())?;
    let folder = args.out.join("runs");
    let folder = Folder::make(&folder)?;
    let missing = ("missing".to_string(), pages::missing(records, plans));
    let pages: Vec<_> = pages::pages(records, &effects, &rows, all).into_iter().chain([missing]).collect();
    folder.drop_others(&pages)?;
    for (name, text) in &pages {
        folder.write(&format!("{name}.md"), &format!("{MARK}{text}"))?;
    }
    let parts = [
        ("gains", gains::table(&gains).markdown()),
        ("baselines", results::baselines(&pairs)),
        ("claims", claims::table(&claims).markdown()),
    ];
    for path in &args.fill {
        let page = std::fs::read_to_string(path).map_err(files::reading(path))?;
        files::write_atomic(path, fill::fill(path, &page, &parts)?.as_bytes())?;
    }
    Ok(())
}

/// A table that stands alone says how its runs were trained.
fn alone(number: u8, about: &str, table: &Table, all: &[settings::Settings]) -> String {
    let mut text = format!("# Table {number}\n\n{about}. AUROC in percent.\n\n{}\n", table.markdown());
    all.iter().for_each(|settings| text += &format!("- [{}] {}\n", settings.label, settings.text));
    text
}

/// How a page of a report begins: a page that begins otherwise is somebody's own.
const MARK: &str = "<!-- Written by nsa report. -->\n\n";

/// A folder that is there.
struct Folder<'a>(&'a Path);

impl<'a> Folder<'a> {
    fn make(path: &'a Path) -> Result<Self, NsaError> {
        std::fs::create_dir_all(path).map_err(files::writing(path))?;
        Ok(Self(path))
    }

    fn write(&self, name: &str, text: &str) -> Result<(), NsaError> {
        files::write_atomic(&self.0.join(name), text.as_bytes())
    }

    /// Removes pages of an earlier report, of methods and data sets that are no more.
    fn drop_others(&self, pages: &[pages::Page]) -> Result<(), NsaError> {
        for entry in std::fs::read_dir(self.0).map_err(files::reading(self.0))? {
            let path = entry.map_err(files::reading(self.0))?.path();
            let is = |(name, _): &pages::Page| path.file_stem().is_some_and(|stem| stem == name.as_str());
            let is_ours = || std::fs::read_to_string(&path).is_ok_and(|text| text.starts_with(MARK));
            if path.extension().is_some_and(|e| e == "md") && !pages.iter().any(is) && is_ours() {
                std::fs::remove_file(&path).map_err(files::writing(&path))?;
            }
        }
        Ok(())
    }

    fn draw(&self, name: &str, svg: Result<String, Box<dyn std::error::Error + Send + Sync>>) -> Result<(), NsaError> {
        let path = self.0.join(name);
        let failed = |e| NsaError::Io { verb: "write", path: path.clone(), source: std::io::Error::other(e) };
        files::write_atomic(&path, svg.map_err(failed)?.as_bytes())
    }
}
