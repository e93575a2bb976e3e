var verifJSON={};
