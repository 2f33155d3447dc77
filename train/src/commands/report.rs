//! `nsa report`: our numbers beside the paper's.

use crate::error::NsaError;
use crate::files;
use crate::output::tell;
use crate::plan::Plan;
use crate::report::{compare::compare, csv, effect, markdown, methods, paper, picture, plots, record, settings};
use clap::Args;
use std::path::{Path, PathBuf};

pub const LONG_ABOUT: &str = "\
Our numbers beside the paper's, as Markdown, CSV and plots.

RUNS are run folders, folders of runs, or records of runs. Without --table, --out gets RESULTS.md with all tables, every \
run, curves over training and what was not run, plots/*.svg, and a CSV file for each table; with --table N only \
tableN.md and tableN.csv. A row of the paper that was not run says so. Tables 5, 9 and 10 have the methods of other papers, \
too, and what each costs. The files depend on the runs alone: the same runs give the same bytes.

--collect writes what a report needs of each run (settings, provenance, history, evaluation; no weights, no paths) to \
a folder that can be committed, and the report can be made from there again.

  nsa report runs/grid --table 1 --out report
  nsa report runs/grid runs/fig2 --collect results/records --out results
  nsa report results/records --plan train/plans/cpu/grid.toml --out results

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
    /// A plan whose missing runs are named; may be given again.
    #[arg(long, value_name = "PLAN.toml")]
    pub plan: Vec<PathBuf>,
    /// Folder that gets a record of each run.
    #[arg(long, value_name = "DIR")]
    pub collect: Option<PathBuf>,
}

/// Where the plots are, seen from RESULTS.md.
const PLOTS: &str = "plots";

/// Writes the report.
pub fn run(args: &ReportArgs) -> Result<(), NsaError> {
    let records = record::read_all(&args.runs)?;
    let plans: Vec<(String, Plan)> = args
        .plan
        .iter()
        .map(|path| Ok((path.display().to_string(), Plan::read(path)?)))
        .collect::<Result<_, NsaError>>()?;
    let refused =
        |file: &'static str| move |e: toml::de::Error| NsaError::ConfigFile { path: file.into(), why: e.to_string() };
    let wanted = |number: u8| args.table.is_empty() || args.table.contains(&number.to_string());
    let mut tables = paper::tables().map_err(refused("train/src/report/paper.toml"))?;
    tables.retain(|table| wanted(table.number));
    let mut methods = methods::tables().map_err(refused("train/src/report/methods.toml"))?;
    methods.retain(|table| wanted(table.number));

    if let Some(folder) = &args.collect {
        for record in &records {
            record.write(folder)?;
        }
        tell!("{} records in {}", records.len(), folder.display());
    }
    std::fs::create_dir_all(&args.out).map_err(files::writing(&args.out))?;
    let write = |name: &str, text: &str| files::write_atomic(&args.out.join(name), text.as_bytes());
    let all = settings::of_all(&records);
    for table in &tables {
        let rows = compare(table, &records, &all);
        write(&format!("table{}.csv", table.number), &csv::table(table, &rows))?;
        if !args.table.is_empty() {
            write(
                &format!("table{}.md", table.number),
                &one_table((table.number, table.about), &markdown::table(table, &rows), &all),
            )?;
        }
    }
    for table in &methods {
        write(&format!("table{}.csv", table.number), &table.csv(&records, &all))?;
        if !args.table.is_empty() {
            let alone = one_table((table.number, &table.about), &table.markdown(&records, &all), &all);
            write(&format!("table{}.md", table.number), &alone)?;
        }
    }
    if args.table.is_empty() {
        // Plots of an earlier report that this one has no more are removed, and only those.
        let earlier = std::fs::read_to_string(args.out.join("RESULTS.md")).unwrap_or_default();
        draw(&args.out.join(PLOTS), &markdown::figures(&records, &all), &earlier)?;
        write("RESULTS.md", &markdown::results((&tables, &methods), &records, &plans, PLOTS))?;
        let effects = effect::effects(&records, &all);
        write("findings.json", &effect::json(&effects)?)?;
        if let Some(effect) = picture::shown(&effects) {
            write("effect.svg", &picture::draw(effect).map_err(undrawn(&args.out.join("effect.svg")))?)?;
        }
    }
    let finished = records.iter().filter(|record| record.result().is_some()).count();
    tell!("{}: {finished} finished runs of {}", args.out.display(), records.len());
    Ok(())
}

/// A table that stands alone says how its runs were trained.
fn one_table((number, about): (u8, &str), table: &str, all: &[settings::Settings]) -> String {
    let mut text = format!("# Table {number}\n\n{about}. AUROC in percent.\n\n{table}\n");
    all.iter().for_each(|settings| text += &format!("- [{}] {}\n", settings.label, settings.text));
    text
}

/// A picture that could not be drawn.
fn undrawn(path: &Path) -> impl FnOnce(Box<dyn std::error::Error + Send + Sync>) -> NsaError {
    move |e| NsaError::Io { verb: "write", path: path.into(), source: std::io::Error::other(e) }
}

/// One file a figure; figures that only the `earlier` report shows are removed.
fn draw(folder: &Path, figures: &[markdown::Figure<'_>], earlier: &str) -> Result<(), NsaError> {
    std::fs::create_dir_all(folder).map_err(files::writing(folder))?;
    for entry in std::fs::read_dir(folder).map_err(files::reading(folder))? {
        let path = entry.map_err(files::reading(folder))?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if earlier.contains(&format!("({PLOTS}/{stem}.svg)")) && !figures.iter().any(|figure| figure.file == stem) {
            std::fs::remove_file(&path).map_err(files::writing(&path))?;
        }
    }
    for figure in figures {
        let path = folder.join(format!("{}.svg", figure.file));
        let svg = plots::curves(&figure.runs).map_err(undrawn(&path))?;
        files::write_atomic(&path, svg.as_bytes())?;
    }
    Ok(())
}
