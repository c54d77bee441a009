//! Keeps what the linker resolved in the program, so that `scripts/shrink` can still split it into parts.

fn main() {
    println!("cargo::rustc-link-arg-cdylib=--emit-relocs");
}
