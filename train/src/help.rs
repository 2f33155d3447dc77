//! What `nsa COMMAND --help` says at length: what a command does, in which units, an example, the exit status.

pub const NSA: &str = "\
Trains, evaluates and exports the models of \"No Shifted Augmentations\": one-class anomaly detectors whose features are \
compact on the hypersphere.

A detector learns from images of one class, without labels, and gives every image an anomaly score: high is anomalous. \
Results go to stdout, as a table or with --json as JSON; everything else goes to stderr. Long work shows a bar on a \
terminal and a line a minute elsewhere. An output replaces an earlier result of the same command, and any other file only \
with --force (docs/files.md).

  nsa data list                                            what there is to learn from
  nsa train --config train/configs/digits.toml --out runs/digits
  nsa eval runs/digits                                     the paper's tables 6-8 for this run
  nsa sweep train/plans/cpu/grid.toml --root data          many runs from one file
  nsa report runs/grid --out results                       beside the paper's numbers
  nsa export runs/digits --out assets/bundles/digits       for the browser

Exit status of every command: 0 done, 1 work that failed, 2 bad usage or bad input.";

pub const DATA: &str = "\
Data sets: list them, get them, look at them, export them as arrays.

A data set is called by a name of `nsa data list` or, as `folder:PATH`, is a folder or zip file of images. Its published \
files are looked for in --root, in --root/NAME, else in $NSA_DATA/NAME, else in data/NAME, under their publisher's names.

  nsa data list
  nsa data get fashion-mnist --root data/fashion-mnist
  nsa data info folder:photos
  nsa data export fashion-mnist --split test --out x.npy --labels y.npy

Exit status: 0 done, 1 a file could not be fetched or written, 2 an unknown name, missing or damaged files.";

pub const DATA_LIST: &str = "\
The data sets that are known by name, with their classes, the sizes of both splits and the formats that are read.

  nsa data list --json

Exit status: 0.";

pub const DATA_GET: &str = "\
Download a data set from its publisher; an interrupted download goes on where it stopped.

Every file is checked against its published checksum before it gets its name; one that is whole already is not fetched \
again. What has come so far stays in a .nsa-part file, and the same command goes on from there. synth-digits needs no files; \
imagenet30 is to be fetched from its publisher by hand.

  nsa data get fashion-mnist
  nsa data get cifar10 --root data/cifar10 --url https://mirror.example/cifar/

Exit status: 0 all files are there and whole, 1 a file could not be fetched or is not what it should be, 2 an unknown \
name, or a data set without files to fetch.";

pub const DATA_INFO: &str = "\
What a data set holds: images and classes of both splits, as found in its files, how many of them cannot be read and why. \
A published set is called so only if its files have the publisher's checksums; what is left out is told on stderr.

  nsa data info cifar10 --root data/cifar10
  nsa data info folder:photos --json

Exit status: 0 both splits can be read, 2 an unknown name, missing or damaged files.";

pub const DATA_EXPORT: &str = "\
Write a split as NumPy arrays: images N x 3 x S x S (f32 in 0..1) and labels (u8).

The pixels are those that training and scoring see, before normalisation: grey images repeated to three channels, others \
scaled to S. Images are written as they are read, so a split may be larger than the memory.

  nsa data export fashion-mnist --split test --class 8 --out id.npy
  nsa data export cifar10 --image-size 224 --split train --out x.npy --labels y.npy

Exit status: 0 written, 1 a file could not be written, 2 an unknown name or class, missing or damaged files.";

pub const EMBED: &str = "\
Turn images into features by a pretrained ResNet, or by the weights of a run.

Weights are a safetensors file or one of torch.save, with torchvision's names, whatever a wrapper put before them and \
whatever else a checkpoint holds; our own runs' have them too (model.safetensors of a bundle). A classifier (fc.*) is left out, everything else must fit --arch, --stem and --width. \
Nothing in a .pth file is run. Features are written as they are computed, N x d, f32; docs/pretrained.md goes on to \
scores.

  nsa embed --weights resnet18.pth --arch resnet18 --stem imagenet --images x.npy --layer conv4-1x1 --out f.npy
  nsa embed --weights assets/bundles/digits/model.safetensors --arch resnet18 --stem cifar --width 8 --norm f \\
            --images x.npy --layer head1 --out f.npy

Exit status: 0 written, 1 a file could not be written, 2 weights that do not fit, an unknown layer, or an array that \
is not images.";

pub const TRAIN: &str = "\
Train an encoder on one class, or continue a run.

A setting comes from the command line, else from --config, else from the defaults (`nsa train --config` takes what a run \
saved in its config.toml). RUN gets config.toml, record.json (provenance and what was measured), \
frames.safetensors and, after every epoch, checkpoint.bin. A run that is killed at any moment goes on with --resume and \
ends with the same weights as one that was never stopped. It is locked while it is trained.

Every --eval-every epochs the run is measured on at most --eval-limit images of each kind: AUROC (in percent on screen, \
0 to 1 in record.json), kappa and effective rank of the features.

Besides the paper's objectives there are the methods that it compares with, each with the score of its own authors, which \
is followed in training, is a row of `nsa eval` and goes into the bundle; docs/method.md says where each follows its paper.

  ssd        Sehwag et al. 2021. Learns as SimCLR does. An image is anomalous if its features' direction is far from the
             class's mean by the Mahalanobis distance (`mahalanobis` on conv4-1x1).
  droc       Sohn et al. 2021. Learns as SimCLR(-) does, each view's rotations are negatives of it, but only the second
             view is searched for the first. An image is anomalous where a one-class SVM (`oc-svm`) or a kernel density
             (`kde`) on conv4-1x1 says so.
  deep-svdd  Ruff et al. 2018. Pulls the images, without their contrast, towards a centre that is fixed before learning. An
             image is anomalous far from it (`length` on head1, which is seen from the centre). The network has no biases:
             with --svdd-biases true it could put every image at the centre, whatever is on it.
  rotnet     Golan & El-Yaniv 2018, with rotations only. Learns by how many quarters an image is turned. An image is
             anomalous if its four turns are told badly (`shift-log-prob` on the row `shifts`); its features are scored
             as any.
  rot-trans  Hendrycks et al. 2019. Learns by how many quarters an image is turned, and by how much it is moved down and
             to the right: three questions. An image is anomalous if its 36 transformations are told badly
             (`shift-log-prob` on `shifts`).
  geom       Golan & El-Yaniv 2018. Learns which of 72 transformations (turned, moved, mirrored) a picture was made by: one
             question. An image is anomalous if its 72 pictures are answered otherwise than the class's (`dirichlet`, a
             Dirichlet distribution for each) or told badly (`shift-log-prob`, both on `shifts`): 72 passes to score it.
  csi        Tack et al. 2020. Learns as SimCLR(-) does, and by how many quarters each view is turned. An image is anomalous
             if in its four turns its projections are short or far from the class's, and its turns are told badly (`csi` on
             `shifts`).
  goad       Bergman & Hoshen 2020. Learns by which of 36 transformations (turned, moved) a picture was made, and to put
             those of one close to their centre and far from the other centres. An image is anomalous if its pictures
             land elsewhere (`goad` on `shifts`).
  drocc      Goyal et al. 2020. Learns to tell the images from points at a distance from them, those that it takes for images
             most, which it looks for by gradient ascent in every step. An image is anomalous if it is taken for such a point
             (`logit` on head1).
  arnet      Huang et al. 2019. Learns to restore an image from its grey picture in any of four turns. An image is anomalous
             if it is restored badly (`restoration`, the mean absolute error over the four turns, on `shifts`).
  stoc       Yoon et al. 2021, for polluted data. Learns as DROC does; after epochs 1, 2, 5, 10, 20, 50, 100 and every 500th
             five Gaussians, each of a fifth of the images, leave out the tenth that they find least likely. An image is
             anomalous by a Gaussian of those that five such keep in the end (`stoc` on conv4-1x1).
  panda      Reiss et al. 2021. Begins with an encoder that was trained on something else (--weights FILE) and pulls its
             features towards where it puts the class, for a few epochs (PANDA-Early). An image is anomalous far from the
             two nearest training images (`knn-l2` on conv4-1x1); before the first epoch that is DN2.
  elsa       Han et al. 2021. Is told anomalies: images of one other class, a twentieth of what it learns from. Learns as SimCLR
             does; in the last tenth of the epochs it lowers the energy of the images, which is low near any of 100
             prototypes, and raises that of the anomalies. An image is anomalous if its energy is high (`energy` on `prototypes`).

  nsa train --dataset synth-digits --id-class 3 --objective simsiam --norm both --width 8 --epochs 10 --out runs/three
  nsa train --dataset fashion-mnist --root data --pollution 0.1 --objective simclr --norm f --out runs/polluted
  nsa train --dataset fashion-mnist --root data --id-class 8 --objective ssd --out runs/ssd
  nsa train --resume runs/three

Exit status: 0 trained to the last epoch, 1 training failed (for example the loss is no number any more) or another \
process trains the run, 2 a setting out of range, a missing data set, or a folder that holds another run.";

pub const FIT: &str = "\
Make a person's own images the normal ones, behind the encoder of a bundle. Nothing is trained: the encoder embeds the \
images, and a bank is fitted to each of the bundle's layers (mean, whitening inside their span).

8 to 1000 images: 8 are enough to start, 40 are good. results/FIT.md says what encoder, layer and scorer to expect how \
much of. The threshold comes from the images alone. Near copies, such as the frames of a burst, are one view: each view \
is scored by banks that have not seen it, and of n such scores the next normal one is above the m-th with probability \
(n + 1 - m) / (n + 1). --false-alarms 0.05 needs 19 views for that; with fewer the threshold is the largest score, and \
what it promises is told, as is how many views the images show. With --json: \"copies\" (images with the pixels of \
another), \"views\", \"groups\" (of each image), and for every layer and scorer {\"threshold\" (radians), \"expected\", \
\"range\" (shares, 0 to 1)}.

--weights takes the encoder from a file instead, as `nsa embed` does: a ResNet-18 with the cifar stem, which is what a \
bundle holds. For others `nsa embed` and `nsa score` do the same without a bundle.

The new bundle holds the images as well. It opens in the page, in `nsa predict` and, with --id and --ood, in `nsa eval`.

  nsa fit --bundle assets/bundles/digits --normal photos/mugs --out mugs.zip
  nsa fit --weights encoder.pth --arch resnet18 --stem cifar --width 64 --normal photos/mugs --out mugs.zip
  nsa predict --bundle mugs.zip another.jpg
  nsa predict --bundle mugs.zip --watch camera --json

Exit status: 0 written, 1 it failed, 2 too few images, images that are all alike, a file that is no image (the others are \
fitted), or an --out that is no bundle's name.";

pub const EVAL: &str = "\
AUROC of a run by layer, scorer and ensemble, on the whole test set: the paper's tables 6-8 for this run.

A row is a feature map: conv1 to conv4 are the blocks' outputs, flattened; conv1-1x1 to conv4-1x1 the same pooled; \
head1 and on the layers of the projector. A column is a scorer. Unless told otherwise the table is the paper's: the \
angular scorers on every map (of unit features; k-cos-mah-centred is equation 2 to the letter: docs/method.md), those that end in -raw on y, kde and gde on the pooled \
blocks, and the sums of appendix C. Every score in a sum is scaled by the range of the training images' own scores, each without itself in the bank; nothing is clipped.

  Ens.             k-cos + k-cos-mah on flat maps, c-cos + c-cos-mah on the head's
  all conv blocks  the named scorers on the flat maps
  all blocks       the named scorers on all maps

`rank` is how many directions the whitening keeps. In a flat map it may keep as many as there are training images, and \
then all of them are equally far from each other and their scores have no range: there a sum takes the map with at \
most half as many directions as training images. A member that cannot be computed is named and its sums are not given.

Of a bundle it is the AUROC by the bundle's own banks: on the test set, or on the images of --id and --ood.

The result is kept in RUN/eval.json and not computed again for the same checkpoint. AUROC is in percent in the table \
and 0 to 1 in JSON, which has AUPR (in, out) and the FPR at 95 % TPR as well.

  nsa eval runs/digits
  nsa eval runs/digits --layers conv4-1x1 --scorers all --json
  nsa eval mugs.zip --id photos/more-mugs --ood photos/others

Exit status: 0 evaluated, 1 it failed, 2 no run, no checkpoint, or an unknown layer or scorer.";

pub const EXPORT: &str = "\
Write a run as a bundle for the browser, and list it in the catalogue.

The bundle has the weights (f16, PyTorch's names), for each layer a bank of training features with mean and whitening, \
and what was measured in training. bundle.json says what every score reaches with the full bank and with the exported \
one (auroc-full and auroc-exported, 0 to 1), computed with the weights and the bank as they are stored. A kill at any \
moment leaves the old bundle or the new one.

A bank of more than --bank features is shrunk; mean and whitening stay those of all of them. --coreset says which \
features are kept: `hubs` those that are most often among the five nearest of others, `k-centre` those that cover the \
extremes (greedy k-centre; it costs k-Cos (Mah) dearly), `random` any.

With --onnx it writes the encoder alone, of a run, a bundle or a file of weights (--arch, --stem ... as for `nsa embed`), \
as an ONNX model for other programs. Its input `pixels` is N x 3 x H x W, f32 in 0..1, RGB, as `nsa embed` takes them: \
the model scales them itself. It has an output for each of --layers, of that name, with the features of `nsa embed`; \
batch norms are folded into the convolutions. Weights of a run or a bundle are those of the bundle (f16), written as f32.

  nsa export runs/digits --out assets/bundles/digits --default
  nsa export runs/large --out assets/bundles/large --bank 2000 --layers conv3-1x1,conv4-1x1
  nsa export assets/bundles/digits --onnx --out digits.onnx --layers conv4-1x1,head1
  nsa export resnet50.pth --arch resnet50 --stem imagenet --onnx --out resnet50.onnx

Exit status: 0 written, 1 it failed, 2 no run, an unknown layer, or an --out that is no bundle's folder.";

pub const VERIFY: &str = "\
Check bundles byte for byte: names, sizes, checksums, shapes, finite values, and that the detector can be built.

Every bundle of assets/catalog.json is checked, and every folder of assets/bundles must be listed. A bad one is named and \
the others are checked all the same.

  nsa verify assets

Exit status: 0 all are whole, 2 one is not.";

pub const PREDICT: &str = "\
Score image files by a bundle, exactly as the browser does: the same core function on the same bytes.

Read is what browsers show (PNG, JPEG, WebP, GIF, BMP), as they show it: turned by the EXIF of JPEG and PNG, laid on \
white, the first frame, and only if the file is whole. An image of any size is resized to 32 x 32. The table has the bundle's own choice of score, \
high is anomalous, in radians where it is an angle (0 to pi); JSON has all scores and the angle to the ID mean. Of a bundle of `nsa fit` it also \
says what is anomalous: what scores at or above the threshold that --false-alarms gives. Images that the bundle was \
fitted on are told (\"fitted\" in JSON), because they score lower than new ones do.

--watch DIR scores what the folder holds and each image that comes into it or changes, as soon as it is whole, until it \
is stopped; with --json a line an image.

  nsa predict --bundle assets/bundles/digits photo.png
  nsa predict --bundle assets/bundles/digits images.npy --json
  nsa predict --bundle mugs.zip --watch camera

Exit status: 0 all were scored, 1 it failed, 2 a file is no image or the bundle is bad; the other images are scored.";

pub const GALLERY: &str = "\
Pack test images of a real data set for the page.

Images of real data sets are not ours to give away: the file is made where the data is and kept out of git. The page \
offers it with the bundles that were trained on this data set.

  nsa gallery --dataset fashion-mnist --root data

Exit status: 0 written, 1 it could not be written, 2 no such data set.";

pub const SCORE: &str = "\
Score query features against training features.

Arrays are NumPy files, f32 or f64 in C order: a row an image. Scores are f32, one a query, high is anomalous. The \
angular scorers give radians, the others have units of their own.

  k-cos, c-cos          angle to the k-th nearest training feature, to their mean; -mah: whitened first,
                        -mah-centred: whitened and seen from the mean
  kde, gde, oc-svm      kernel density, Gaussian density, support vectors of l2-normalised features (Sohn et al.);
                        gde-raw: of the features as they are
  knn-l2                squared distance to the 2 nearest (or k), features as they are (DN2, PANDA)
  mahalanobis           distance of l2-normalised features (SSD); mahalanobis-shrunk: of the features as they are, by a
                        covariance shrunk as Ledoit and Wolf do, which raw pixels need
  length                how far the features are from 0 (Deep SVDD, whose centre is the 0 of its projection)
  shift-log-prob        minus the mean of a row of log-probabilities (RotNet); logit: the same of one logit (DROCC);
                        restoration: of errors (ARNet)
  csi                   nearest cosine times length and logit, over rows of four projections and four logits (CSI)
  goad                  likelihoods of 36 centres, over rows of 36 projections (GOAD)

  nsa score --bank train.npy --query test.npy --scorer k-cos-mah --out scores.npy

Exit status: 0 scored, 1 it failed, 2 arrays that are not features, of different widths, or that the scorer refuses.";

pub const ENSEMBLE: &str = "\
Score the same images by several layers or scorers, as one sum (section 2.5, appendix C).

Every member is a --bank, a --query and a --scorer, in the same order. Its scores are scaled by the range of \
its training features' scores, each left out of its own neighbours: 0 is the least anomalous of them, 1 the \
most; what lies outside is not clipped. The sum over the members is written.

  nsa ensemble --bank conv4.npy --query conv4-test.npy --scorer k-cos \\
               --bank head1.npy --query head1-test.npy --scorer c-cos-mah --out scores.npy

Exit status: 0 scored, 1 it failed, 2 members that do not fit together or whose training scores have no range.";

pub const ANALYZE: &str = "\
How compactly features lie on the hypersphere (section 2.2): their mean resultant length (0 to 1), the concentration \
kappa of a von Mises-Fisher fit, the squared MMD against uniform samples of the sphere (Gaussian kernel, median \
bandwidth), and their effective rank.

Compact features have a high kappa and a high MMD. A collapsed network has too: look at the effective rank.

  nsa analyze --features embeddings.npy --json

Exit status: 0 measured, 2 an array that is not features, or of zero vectors.";

pub const AUROC: &str = "\
AUROC, AUPR and FPR at 95 % TPR of two sets of scores, as in scikit-learn; ties count half.

OOD images are the positives, high scores are anomalous. In percent in the table, 0 to 1 in JSON: \
{\"auroc\", \"aupr_in\", \"aupr_out\", \"fpr95\"}.

  nsa auroc --id scores-id.npy --ood scores-ood.npy --json

Exit status: 0 computed, 2 arrays that are not scores, empty, or with a NaN.";

pub const DEVICES: &str = "\
What can compute here: every device by its name, the word for it at --device, and which one `auto` takes.

CUDA is NVIDIA's own interface. wgpu finds GPUs by Vulkan, by Metal on a Mac and by DirectX 12 on Windows; one that the \
processor imitates in software (llvmpipe, SwiftShader) is listed too, but `auto` leaves it alone. Both need a build with \
`--features cuda` or `wgpu`. A dash stands before what cannot be had, with the reason, or is not the first of its kind.

  nsa devices
  nsa devices --json                {\"device\", \"name\", \"usable\", \"auto\"} of each

Exit status: 0.";
