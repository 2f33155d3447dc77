//! `nsa devices`: what can compute here.

use super::{print, print_json};
use crate::cli::DevicesArgs;
use crate::device;
use crate::error::NsaError;

/// Lists all, and why others cannot be had.
pub fn run(args: &DevicesArgs) -> Result<(), NsaError> {
    let devices = device::list();
    if args.json {
        return print_json(&devices);
    }
    let mut table = String::new();
    for found in &devices {
        let taken = match found {
            found if found.auto => "auto",
            found if found.usable => "",
            _ => "-",
        };
        table += &format!("{:<5} {taken:<5} {}\n", found.device, found.name);
    }
    print(&table)
}
