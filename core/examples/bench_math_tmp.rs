use nsa_core::{Features, rng::Rng, score::*, sphere::*, eval::*};
use std::time::Instant;
fn draw(n: usize, d: usize, seed: u64) -> Features {
    let mut rng = Rng::new(seed, "b", &[]);
    Features::new(n, d, (0..n * d).map(|i| (rng.normal() / (1.0 + (i % d) as f64).sqrt() + 0.05) as f32).collect()).unwrap()
}
fn peak() -> String { std::fs::read_to_string("/proc/self/status").unwrap().lines().find(|l| l.starts_with("VmHWM")).unwrap().to_string() }
fn main() {
    let what = std::env::args().nth(1).unwrap();
    let t = |name: &str, f: &mut dyn FnMut()| { for _ in 0..2 { let s = Instant::now(); f(); println!("{name}: {:.3} s  {}", s.elapsed().as_secs_f64(), peak()); } };
    if what == "small" {
        let (train, q) = (draw(5000, 512, 1), draw(10_000, 512, 2));
        t("k-cos", &mut || { score_all(Scorer::KCos, 1, &train, &q).unwrap(); });
        t("k-cos k=5", &mut || { score_all(Scorer::KCos, 5, &train, &q).unwrap(); });
        t("bank fit", &mut || { Bank::fit(&train).unwrap(); });
        let bank = Bank::fit(&train).unwrap();
        for s in Scorer::ANGULAR { t(s.name(), &mut || { bank.score(s, 1, &q).unwrap(); }); }
        t("range k-cos-mah", &mut || { bank.training_range(Scorer::KCosMah).unwrap(); });
        let one = draw(1, 512, 5);
        t("one k-cos-mah", &mut || { bank.score(Scorer::KCosMah, 1, &one).unwrap(); });
        t("shrink 500", &mut || { bank.shrink(500); });
        t("kde", &mut || { score_all(Scorer::Kde, 1, &train, &q).unwrap(); });
        t("gde", &mut || { score_all(Scorer::Gde, 1, &train, &q).unwrap(); });
        t("oc-svm", &mut || { score_all(Scorer::OcSvm, 1, &train, &q).unwrap(); });
        t("knn-l2", &mut || { score_all(Scorer::KnnL2, 2, &train, &q).unwrap(); });
        t("compactness 10000", &mut || { println!("{:?}", compactness(&q, 0).unwrap()); });
        t("anglemap", &mut || { AngleMap::fit(&train).unwrap().place(&q).unwrap(); });
        let labels: Vec<usize> = (0..10_000).map(|i| i % 10).collect();
        t("probe", &mut || { linear_probe(&q, &labels, &q, &labels).unwrap(); });
        t("knn", &mut || { knn_probe(&q, &labels, &train, &labels[..5000], 20).unwrap(); });
    } else {
        let d: usize = what.parse().unwrap();
        let n: usize = std::env::args().nth(2).unwrap().parse().unwrap();
        let train = draw(n, d, 1);
        let s = Instant::now();
        let bank = Bank::fit(&train).unwrap();
        println!("fit {n} x {d}: {:.1} s rank {} {}", s.elapsed().as_secs_f64(), bank.rank(), peak());
        println!("{:?} {:?}", bank.training_range(Scorer::KCos), bank.training_range(Scorer::KCosMah));
        let q = draw(2000, d, 2);
        let s = Instant::now();
        bank.score(Scorer::KCosMah, 1, &q).unwrap();
        println!("score 2000: {:.1} s {}", s.elapsed().as_secs_f64(), peak());
    }
}
