/** The invented names and clinical vocabulary of the generator. No person, hospital or code system here exists. */

export const HOSPITAL_PLACES = [
  'Quillmere',
  'Norrowby',
  'Thistlewick',
  'Alderfen',
  'Castermoor',
  'Windlethorpe',
  'Ostravale',
  'Brackenholt',
  'Fernlow',
  'Gullhaven',
  'Hollinsea',
  'Inglemere',
  'Juniper Cross',
  'Kestrelby',
  'Lowmarsh',
  'Millowen'
] as const

export const HOSPITAL_KINDS = [
  'General Hospital',
  'Infirmary',
  'Heart Centre',
  'Family Practice',
  'University Clinic',
  'Surgical Hospital',
  "Children's Hospital",
  'Day Clinic'
] as const

export const GIVEN_NAMES = [
  'Avela',
  'Bertram',
  'Coralie',
  'Dario',
  'Elowen',
  'Farid',
  'Greta',
  'Hamon',
  'Ilse',
  'Jorun',
  'Kasimir',
  'Lotte',
  'Merrin',
  'Nadir',
  'Oriel',
  'Perrin',
  'Quenby',
  'Rosalba',
  'Soren',
  'Tamsin',
  'Ulrike',
  'Vadim',
  'Wenna',
  'Ysolde'
] as const

export const FAMILY_NAMES = [
  'Ashgrove',
  'Bellweather',
  'Crannock',
  'Dunlaven',
  'Eastermain',
  'Fallowell',
  'Garrowby',
  'Hexleigh',
  'Ivorsen',
  'Jessamy',
  'Kettlewood',
  'Larkspire',
  'Marrowick',
  'Nettlesham',
  'Ollerton-Vey',
  'Pellinore',
  'Quarrie',
  'Rookhurst',
  'Saltonby',
  'Tarnwick',
  'Underhallow',
  'Vexworth',
  'Wolderly',
  'Yarrowmond'
] as const

export type Coded = { readonly code: string; readonly display: string }

export const CONDITIONS: readonly Coded[] = [
  { code: 'stomach-pain', display: 'Stomach pain' },
  { code: 'diabetes-2', display: 'Diabetes mellitus type 2' },
  { code: 'hypertension', display: 'High blood pressure' },
  { code: 'heart-failure', display: 'Chronic heart failure' },
  { code: 'atrial-fibrillation', display: 'Atrial fibrillation' },
  { code: 'stomach-tumour', display: 'Malignant tumour of the stomach' },
  { code: 'anaemia', display: 'Anaemia' },
  { code: 'bronchitis', display: 'Acute bronchitis' },
  { code: 'kidney-disease', display: 'Chronic kidney disease' },
  { code: 'wrist-fracture', display: 'Fracture of the wrist' }
]

export const MEDICATIONS: readonly Coded[] = [
  { code: 'metformin-500', display: 'Metformin 500 mg tablet' },
  { code: 'bisoprolol-5', display: 'Bisoprolol 5 mg tablet' },
  { code: 'ramipril-5', display: 'Ramipril 5 mg capsule' },
  { code: 'apixaban-5', display: 'Apixaban 5 mg tablet' },
  { code: 'omeprazole-20', display: 'Omeprazole 20 mg gastro-resistant capsule' },
  { code: 'iron-100', display: 'Ferrous fumarate 100 mg tablet' },
  { code: 'insulin-mix', display: 'Insulin human, mixed 30/70, 100 units/ml, suspension for injection' }
]

export const PROCEDURES: readonly Coded[] = [
  { code: 'medication-review', display: 'Review of current medication' },
  { code: 'ecg-12', display: 'Electrocardiogram, 12 leads' },
  { code: 'gastroscopy', display: 'Gastroscopy with biopsy' },
  { code: 'partial-gastrectomy', display: 'Partial removal of the stomach' },
  { code: 'ct-abdomen', display: 'Computed tomography of the abdomen' },
  { code: 'echocardiography', display: 'Echocardiography' },
  { code: 'wound-care', display: 'Care of a surgical wound' }
]

export type Measure = Coded & {
  readonly unit: string
  readonly low: number
  readonly high: number
  readonly digits: number
}

export const VITALS: readonly Measure[] = [
  { code: 'body-height', display: 'Body height', unit: 'cm', low: 150, high: 195, digits: 1 },
  { code: 'body-weight', display: 'Body weight', unit: 'kg', low: 48, high: 118, digits: 1 },
  { code: 'body-mass-index', display: 'Body mass index', unit: 'kg/m2', low: 18, high: 36, digits: 2 },
  { code: 'systolic-pressure', display: 'Systolic blood pressure', unit: 'mm[Hg]', low: 98, high: 172, digits: 0 },
  { code: 'diastolic-pressure', display: 'Diastolic blood pressure', unit: 'mm[Hg]', low: 58, high: 104, digits: 0 },
  { code: 'heart-rate', display: 'Heart rate', unit: '/min', low: 52, high: 118, digits: 0 },
  { code: 'body-temperature', display: 'Body temperature', unit: 'Cel', low: 35.9, high: 39.2, digits: 1 },
  { code: 'oxygen-saturation', display: 'Oxygen saturation in arterial blood', unit: '%', low: 90, high: 99, digits: 0 }
]

export const LABS: readonly Measure[] = [
  { code: 'glucose', display: 'Glucose in serum', unit: 'mmol/L', low: 3.8, high: 12.5, digits: 2 },
  { code: 'hba1c', display: 'Haemoglobin A1c of total haemoglobin', unit: '%', low: 4.8, high: 10.2, digits: 1 },
  { code: 'creatinine', display: 'Creatinine in serum', unit: 'umol/L', low: 52, high: 168, digits: 0 },
  { code: 'urea', display: 'Urea in serum', unit: 'mmol/L', low: 2.4, high: 12.8, digits: 2 },
  { code: 'sodium', display: 'Sodium in serum', unit: 'mmol/L', low: 132, high: 147, digits: 0 },
  { code: 'potassium', display: 'Potassium in serum', unit: 'mmol/L', low: 3.2, high: 5.4, digits: 2 },
  { code: 'chloride', display: 'Chloride in serum', unit: 'mmol/L', low: 96, high: 110, digits: 0 },
  { code: 'calcium', display: 'Calcium in serum', unit: 'mmol/L', low: 2.05, high: 2.72, digits: 2 },
  { code: 'haemoglobin', display: 'Haemoglobin in blood', unit: 'g/L', low: 84, high: 172, digits: 0 },
  { code: 'leukocytes', display: 'Leukocytes in blood', unit: '10*9/L', low: 3.4, high: 15.8, digits: 2 },
  { code: 'platelets', display: 'Platelets in blood', unit: '10*9/L', low: 118, high: 420, digits: 0 },
  { code: 'cholesterol', display: 'Total cholesterol in serum', unit: 'mmol/L', low: 3.1, high: 7.6, digits: 2 },
  { code: 'triglycerides', display: 'Triglycerides in serum', unit: 'mmol/L', low: 0.6, high: 4.1, digits: 2 },
  { code: 'crp', display: 'C-reactive protein in serum', unit: 'mg/L', low: 0.5, high: 96, digits: 1 },
  { code: 'troponin', display: 'Troponin T, high sensitivity', unit: 'ng/L', low: 3, high: 48, digits: 0 },
  { code: 'ferritin', display: 'Ferritin in serum', unit: 'ug/L', low: 8, high: 310, digits: 0 }
]
