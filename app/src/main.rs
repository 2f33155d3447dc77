//! Starts the page.

fn main() {
    nsa_app::start();
}
