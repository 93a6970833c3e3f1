"""Words that head the columns of tables: what people, Kaggle and labelling tools write.

In small letters, words joined by `_`, as `key_of` makes them.
"""

from __future__ import annotations

import re

LABELS = {name: rank for rank, name in enumerate((
    "label", "labels", "finding_labels", "class", "classes", "class_name", "classname",
    "class_label", "label_name", "labelname", "category", "category_name", "target", "species",
    "breed", "diagnosis", "dx",
    "disease", "choice", "emotion", "sentiment", "ground_truth", "annotation", "classid",
    "class_id", "label_id", "category_id", "klasse", "klassen", "kategorie", "classe", "categorie",
    "clase", "categoria", "etikett", "etichetta", "etiqueta", "etiquette",
))}  # fmt: skip
"""Headings that mean class, the likeliest first."""

PICTURES = {
    "file", "files", "filename", "file_name", "image", "images", "image_id", "imageid",
    "image_name", "imagename", "image_file", "image_path", "imagepath", "img", "img_id",
    "img_name", "img_path", "path", "filepath", "file_path", "fname", "picture",
    "pictures", "picture_id", "photo", "photo_id", "id", "id_code", "uuid", "datei", "dateiname",
    "bild", "bildname", "fichier",
    "archivo", "imagen", "immagine", "imagem", "arquivo",
}  # fmt: skip
"""Headings that mean the picture."""

SPLITS = {"split", "splits", "set", "subset", "partition", "usage", "phase", "data_split", "ml_use",
          "dataset", "data_set", "train_test", "train_val_test", "split_name", "purpose",
          "aufteilung"}  # fmt: skip
"""Headings that mean split, where the cells agree."""

FOLDS = {"fold", "folds", "kfold", "k_fold", "cv_fold", "fold_id", "fold_no", "strat_fold", "cv",
         "cv_split", "stratifiedkfold", "kfold_id"}  # fmt: skip
"""Headings of a division into parts that take turns."""

MEASURES = {
    "width", "height", "w", "h", "size", "bytes", "filesize", "file_size", "area", "depth",
    "channels", "x", "y", "x1", "y1", "x2", "y2", "xmin", "ymin", "xmax", "ymax", "x_min", "y_min",
    "x_max", "y_max", "roi_x1", "roi_y1", "roi_x2", "roi_y2", "bbox", "left", "top", "right",
    "bottom", "lat", "lon", "latitude", "longitude", "age", "weight", "length", "duration",
    "price", "score", "confidence", "probability", "lead_time", "date", "time",
    "datetime", "timestamp",
    "year", "month", "day", "created", "created_at", "updated_at", "url", "link", "source",
    "author",
    "credit", "credits", "photographer", "licence", "license", "copyright", "comment", "comments",
    "note", "notes", "remark", "bemerkung", "caption", "description", "title", "md5", "sha1",
    "sha256", "hash", "format", "mode", "annotator", "annotation_id", "user", "camera", "device",
    "subject", "subject_id", "patient", "patient_id", "patientid", "lesion_id", "person", "site",
    "hospital", "clinic", "center", "centre", "session", "scanner", "group_id", "rater", "reader",
    "breite", "hoehe", "höhe", "groesse", "größe", "datum", "quelle",
}  # fmt: skip
"""Headings of what is known of a picture and is no class, unless the person says so."""


def key_of(heading: str) -> str:
    """Return a heading as it stands in the sets above.

    >>> key_of(" Image Name"), key_of("Roi.X1")
    ('image_name', 'roi_x1')
    """
    return re.sub(r"[\s_./\\-]+", "_", heading.strip().lower()).strip("_")
